from pathlib import Path

import numpy as np
import pytest

from latency.export import export
from nas.trial import export_source
from nlu import Parser
from nlu.diagram import draw_model
from nlu.errors import ParserFileError, UtteranceError
from nlu.explain import draw, example, explain, main
from nlu.parser import load_parser
from tests.nlu.test_transfer import untrained

TEXT = "wake me up at 7 am"


@pytest.mark.parametrize("beam", [1, 3])
def test_its_parts_are_distributions_and_its_likeliest_tokens_the_parse(trained: Path, beam: int) -> None:
    parser = Parser.load(trained)
    parser.model.beam = beam
    found = explain(parser, TEXT)
    rows = found.label_probabilities.sum(axis=1) + found.word_probabilities.sum(axis=1)
    np.testing.assert_allclose(rows, 1, atol=1e-5)
    np.testing.assert_allclose(found.length_probabilities.sum(), 1)
    assert len(found.tokens) == len(rows)
    if beam == 1:
        assert len(found.tokens) == found.lengths[int(found.length_probabilities.argmax())]
    prediction = parser.candidates(TEXT, 1)[0]
    assert found.words == tuple(prediction.words)
    said = [token if isinstance(token, str) else found.words[token] for token in prediction.span]
    assert list(found.tokens) == said


def test_another_architecture_cannot_be_explained(tmp_path: Path) -> None:
    with pytest.raises(ParserFileError, match="only a span pointer's own file"):
        explain(untrained("nar_text", tmp_path), TEXT)


def test_the_picture_names_every_token_and_word(trained: Path) -> None:
    found = explain(Parser.load(trained), TEXT)
    lengths, above, below = draw(found).axes[:3]
    assert [label.get_text() for label in below.get_xticklabels()] == list(found.tokens)
    assert [label.get_text() for label in below.get_yticklabels()] == list(found.words)
    assert {label.get_text() for label in above.get_yticklabels()} >= set(found.tokens) - set(found.words)
    heights = [bar.get_height() for bar in lengths.patches]  # type: ignore[attr-defined]
    assert max(heights) == pytest.approx(found.length_probabilities.max())


def test_an_artifact_cannot_be_explained(trained: Path, tmp_path: Path) -> None:
    artifact = export(export_source(load_parser(trained)), tmp_path).path
    with pytest.raises(ParserFileError, match="only a span pointer's own file"):
        explain(Parser.load(artifact), TEXT)
    with pytest.raises(ParserFileError, match="only a span pointer's own file"):
        main([f"parser={artifact}", f"text={TEXT}", f"out={tmp_path / 'model.png'}"])
    assert not (tmp_path / "model.png").exists()


@pytest.mark.parametrize("layers", [0, 1])
def test_the_model_is_drawn_with_a_line_for_each_word_that_is_pointed_at(trained: Path, layers: int) -> None:
    parser = Parser.load(trained)
    parser.config.rescorer.num_layers = layers
    found = explain(parser, TEXT)
    left, right = draw_model(parser, found).axes
    written = {text.get_text() for text in left.texts}
    assert written >= {"embedding", "encoder", "length module", "decoder", "pointer"}
    assert ("rescorer" in written) == (layers > 0)
    assert f"feed-forward {parser.config.encoder.ffn_dim}" in written
    beside = [text.get_text() for text in right.texts]
    assert beside[3:] == [*found.words, *found.tokens]
    pointers = [word for word in found.tokens if word in found.words]
    lines = [line for line in right.lines if line.get_color() == "#0072b2"]
    assert len(lines) == len(pointers)
    assert len(right.lines) == (found.word_probabilities > 0.02).sum()


def test_the_command_draws_an_utterance_of_the_parsers_own(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    main([f"parser={trained}"])
    assert Path("figure1.png").read_bytes()[:4] == b"\x89PNG"
    main([f"parser={trained}", f"text={TEXT}", "out=some/model.svg"])
    drawn = Path("some/model.svg").read_text(encoding="utf-8")
    # Words stay words.
    assert all(f">{word}</text>" in drawn for word in ("encoder", "wake", "7"))
    printed = capsys.readouterr().out
    assert "IN:" in printed
    assert "some/model.svg" in printed
    parser = Parser.load(trained)
    assert 6 <= len(example(parser).split()) <= 10
    parser.utterances = []
    with pytest.raises(UtteranceError, match="text=TEXT"):
        example(parser)
