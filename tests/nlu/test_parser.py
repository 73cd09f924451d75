import random
import zipfile
from pathlib import Path

import pytest
import torch

from nlu.errors import ParserFileError, UtteranceError
from nlu.frame import parse_frame
from nlu.parser import check_ontology, load_parser
from nlu.span import from_span
from nlu.words import split_words
from tests.fresh_interpreter import run_fresh


def test_a_loaded_parser_parses(trained: Path) -> None:
    parser = load_parser(trained)
    prediction = parser.parse("wake me up at 7am", max_words=20)
    assert prediction.words == ["wake", "me", "up", "at", "7", "am"]
    assert prediction.frame is None or parse_frame(str(prediction.frame)) == prediction.frame
    assert len(parser.utterances) == 200  # all of the small eval split


def test_saved_again_it_is_the_same(trained: Path, tmp_path: Path) -> None:
    parser = load_parser(trained / "parser.pt")
    parser.save(tmp_path / "parser.pt")
    again = load_parser(tmp_path)
    assert again.config == parser.config
    assert again.ontology == parser.ontology
    assert again.training == parser.training
    for words in parser.utterances[:20]:
        text = " ".join(words)
        assert again.parse(text, 100) == parser.parse(text, 100)


@pytest.mark.parametrize("text", ["", "   ", "word " * 500])
def test_utterances_that_cannot_be_parsed_say_why(trained: Path, text: str) -> None:
    with pytest.raises(UtteranceError, match=r"empty|500 words"):
        load_parser(trained).parse(text, max_words=128)


def test_hostile_text_is_parsed_like_any_other(trained: Path) -> None:
    parser = load_parser(trained)
    for text in ("] ]", "[IN:GET_WEATHER", "\x00", "🙂 " * 50, "[SL:X 0 0 ]", "a" * 5000):
        assert parser.parse(text, max_words=128).words


def test_files_that_are_no_parser_are_refused(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(ParserFileError, match="no parser at"):
        load_parser(tmp_path / "nothing.pt")
    text = tmp_path / "text.pt"
    text.write_text("hello")
    with pytest.raises(ParserFileError, match="not a parser"):
        load_parser(text)
    other = tmp_path / "other.pt"
    torch.save({"weights": torch.zeros(3)}, other)
    with pytest.raises(ParserFileError, match="not a parser"):
        load_parser(other)
    torch.save(torch.nn.Linear(2, 2), other)
    with pytest.raises(ParserFileError, match="not a parser"):
        load_parser(other)
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), other)
    with pytest.raises(ParserFileError, match="exported artifact"):
        load_parser(other)
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("x", "y")
    with pytest.raises(ParserFileError, match="not a parser"):
        load_parser(other)
    cut = tmp_path / "cut.pt"
    cut.write_bytes((trained / "parser.pt").read_bytes()[:-1000])
    with pytest.raises(ParserFileError, match="not a parser"):
        load_parser(cut)


def test_damaged_content_is_refused(trained: Path, tmp_path: Path) -> None:
    content = torch.load(trained / "parser.pt", weights_only=True)
    for change in (
        {"version": 99},
        {"ontology": ["x"]},
        {"weights": {}},
        {"tokenizer": torch.zeros(3).byte()},
    ):
        torch.save(content | change, tmp_path / "parser.pt")
        with pytest.raises(ParserFileError):
            load_parser(tmp_path)


def test_data_of_another_ontology_is_refused_but_a_rare_label_is_not(trained: Path) -> None:
    parser = load_parser(trained)
    known, unknown = [parser.ontology.tokens[1], "]"], ["[IN:NEVER_HEARD_OF", "]"]
    assert check_ontology(parser, [known] * 99 + [unknown]) == 1
    with pytest.raises(ParserFileError, match="IN:NEVER_HEARD_OF"):
        check_ontology(parser, [known, unknown])


def test_parsing_needs_no_training_code(trained: Path) -> None:
    code = f"from nlu import Parser; print(Parser.load({str(trained)!r}).parse('wake me up at 7am').frame)"
    frame, loaded = run_fresh(code, "pytorch_lightning", "datasets")
    assert parse_frame(frame).label.startswith("IN:")
    assert not loaded


def test_half_precision_takes_half_the_space_and_says_nearly_the_same(trained: Path, tmp_path: Path) -> None:
    parser = load_parser(trained)
    parser.save(tmp_path / "parser.pt", half=True)
    assert (tmp_path / "parser.pt").stat().st_size < 0.7 * (trained / "parser.pt").stat().st_size
    half = load_parser(tmp_path)
    same = sum(
        half.parse(text).frame == parser.parse(text).frame for text in map(" ".join, parser.utterances[:50])
    )
    assert same >= 49


ODD = (
    *("a", "é", "e\u0301", "ж", "あ", "שלום", "مرحبا", "\U0001f468\u200d\U0001f469", "\U0001f1e9\U0001f1ea"),
    *(
        "\u200d",
        "\ufe0f",
        "\u202e",
        "\x00",
        "\x1b",
        "[IN:",
        "[SL:X",
        "]",
        "[",
        '"',
        "'s",
        "6pm",
        "${x}",
        "\\",
    ),
    *("\t", "\n", "\u2028", "word", " "),
)


@pytest.mark.slow
def test_ten_thousand_odd_utterances_give_a_frame_or_a_refusal(trained: Path) -> None:
    parser, source = load_parser(trained), random.Random(1)
    refused = 0
    for number in range(10_000):
        # Now and then one of 500 words.
        count = 500 if number % 1000 == 0 else source.randrange(12)
        text = source.choice(["", " "]).join(source.choices(ODD, k=count))
        try:
            prediction = parser.parse(text, max_words=512)
        except UtteranceError:
            refused += 1
            assert not 1 <= len(split_words(text)) <= 512
            continue
        assert prediction.frame.label.startswith("IN:")
        assert from_span(prediction.span, prediction.words) == prediction.frame
        assert 0 <= prediction.probability <= 1
    assert refused < 3000
