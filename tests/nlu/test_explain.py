from pathlib import Path

import numpy as np
import pytest

from latency.export import export
from nas.trial import export_source
from nlu import Parser
from nlu.errors import ParserFileError
from nlu.explain import draw, explain
from nlu.parser import load_parser

TEXT = "wake me up at 7 am"


def test_its_parts_are_distributions_and_its_likeliest_tokens_the_parse(trained: Path) -> None:
    parser = Parser.load(trained)
    found = explain(parser, TEXT)
    rows = found.label_probabilities.sum(axis=1) + found.word_probabilities.sum(axis=1)
    np.testing.assert_allclose(rows, 1, atol=1e-5)
    np.testing.assert_allclose(found.length_probabilities.sum(), 1)
    assert len(found.tokens) == found.lengths[int(found.length_probabilities.argmax())] == len(rows)
    prediction = parser.candidates(TEXT, 1)[0]
    assert found.words == tuple(prediction.words)
    said = [token if isinstance(token, str) else found.words[token] for token in prediction.span]
    assert list(found.tokens) == said


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
