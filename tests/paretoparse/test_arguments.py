from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import assume, example, given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from paretoparse.arguments import quote_text, read_list, read_pairs
from paretoparse.errors import UsageError

PRINTABLE = st.text(st.characters(exclude_categories=("C",)), min_size=1)


def read(argument: str) -> object:
    return OverridesParser.create().parse_override(argument).value()


@example('say "hi" \\ \\" ${x} \\${x} \\\\')
@given(PRINTABLE)
def test_a_verbatim_value_arrives_as_it_was_typed(text: str) -> None:
    assume(text != "???")  # Hydra's own mark for a missing value
    (argument,) = quote_text([f"text={text}"], verbatim=["text"])
    assert OmegaConf.create({"text": read(argument)}).text == text


@pytest.mark.parametrize("name", ["3", "007", "1e5", "1_000", "-4", "0.50", "true", "nan", "+5", "inf"])
@pytest.mark.parametrize("key", ["parser", "search.dir", "+device.serial", "study"])
def test_text_that_looks_like_a_number_stays_text(key: str, name: str) -> None:
    (argument,) = quote_text([f"{key}={name}"])
    assert read(argument) == name


@pytest.mark.parametrize("name", ["a(b", "x]y", "out,[1", "a=b(c)", 'quo"te', "don't"])
def test_a_path_that_hydra_cannot_read_is_quoted(name: str) -> None:
    (argument,) = quote_text([f"parser={name}"])
    assert read(argument) == name


def test_a_folder_that_exists_is_meant_whatever_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a,b", "[1,2]", "null"):
        Path(name).mkdir()
        (argument,) = quote_text([f"parser={name}"])
        assert read(argument) == name


def test_lists_hold_text_too() -> None:
    (argument,) = quote_text(["artifact=[3, out/4.ptl,'a b',1e5]"])
    assert read(argument) == ["3", "out/4.ptl", "a b", "1e5"]


@pytest.mark.parametrize(
    "argument",
    [
        "seed=3",
        "data.batch_size=8",
        "parser='quoted'",
        "out=null",
        "parser=${oc.env:HOME}/x",
        "--help",
        "x=",
        "out=",
    ],
)
def test_everything_else_is_left_alone(argument: str) -> None:
    assert quote_text([argument]) == [argument]


def test_a_sweep_over_folders_is_one_over_texts() -> None:
    (argument,) = quote_text(["parser=3,4"])
    override = OverridesParser.create().parse_override(argument)
    assert [element.text for element in override.value().list] == ["3", "4"]


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(UsageError, match="not UTF-8"):
        quote_text(["text=s\udce3o"], verbatim=["text"])


def test_pairs_are_text_and_nothing_else() -> None:
    assert read_pairs(["study=12", "out=a=b"], ["study", "out"]) == {"study": "12", "out": "a=b"}
    for bad in ("study", "budget=3"):
        with pytest.raises(UsageError, match="study="):
            read_pairs([bad], ["study"])


def test_a_list_is_in_brackets(tmp_path: Path) -> None:
    assert read_list("[12, b]") == ["12", "b"]
    assert read_list("12") == ["12"]
    folder = tmp_path / "[x]"
    folder.mkdir()
    assert read_list(str(folder)) == [str(folder)]


def test_the_configuration_gets_the_text() -> None:
    from paretoparse.cli import CONF

    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("benchmark", quote_text(["artifact=5", "device=android", "device.serial=0123"]))
    assert (config.artifact, config.device.serial) == ("5", "0123")
