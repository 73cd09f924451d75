import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

from nas.report.numbers import summarise
from nas.space.syntax import parse_space
from nas.study import Goals, Proposal, Suggestion
from nas.study.store import Definition, open_or_create
from paretoparse.errors import ParetoParseError, UsageError
from tests.nas.conftest import PARAMS, draw_points, evaluate

Draw = Callable[..., list[str]]
Add = Callable[..., None]


@pytest.fixture
def script(on_path: None) -> ModuleType:
    return importlib.import_module("draw_figures")


@pytest.fixture
def draw(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Draw:
    """Runs the script on a folder of results and returns the lines that it prints."""

    def run(*arguments: str) -> list[str]:
        monkeypatch.setattr(sys, "argv", ["draw_figures.py", "--results", str(tmp_path), *arguments])
        script.main()
        return capsys.readouterr().out.splitlines()

    return run


@pytest.fixture
def add(tmp_path: Path) -> Add:
    """Adds a study of a strategy to the results."""

    def make(name: str, strategy: str, beats: bool = False) -> None:
        folder = tmp_path / "studies" / name
        folder.mkdir(parents=True)
        space, goals = parse_space(PARAMS, [])[0], Goals.of({"accuracy": "maximize", "latency": "minimize"})
        settings = {"strategy": {"name": strategy}}
        definition = Definition(space.describe(), goals.describe(), None, {}, settings)
        study = open_or_create(folder, definition, None, None, accept_changes=False)
        first, *points = draw_points(space, 8)
        proposals = (Proposal(first, "reference"), *(Proposal(point, "sobol") for point in points))
        for trial in study.add(Suggestion(proposals)):
            bad = {"latency": 1e3} if beats and trial.origin == "reference" else {}
            study.complete(trial.number, {**evaluate(trial.point), **bad}, seconds=1.0)

    return make


def test_without_studies_there_is_the_parser_and_one_sentence_says_what_is_missing(
    draw: Draw, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"no studies in .*; publish a search with"):
        draw()
    drawn = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert drawn == ["figure1_parser.png", "figure1_parser.svg"]


@pytest.mark.slow
def test_what_there_is_is_drawn_and_the_rest_named(
    draw: Draw, add: Add, trained: Path, tmp_path: Path
) -> None:
    for name in ("sobol-1", "saasbo-1", "saasbo-2"):
        add(name, name.partition("-")[0])
    printed = draw("--parser", str(trained))
    assert printed.pop().startswith(
        "figure6_architectures is left out: figure=architectures draws the parser"
    )
    names = ("1_parser", "2_leave_one_out", "3_comparison", "4_convergence", "5_importance")
    paths = [tmp_path / "figures" / f"figure{name}.{end}" for name in names for end in ("png", "svg")]
    assert printed == [str(path) for path in paths]
    for path in paths:
        if path.suffix == ".png":
            assert path.read_bytes()[:4] == b"\x89PNG"
        else:
            texts = ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")
            assert len({text.text for text in texts}) > 5


def test_the_one_study_and_those_that_are_compared(script: ModuleType, add: Add, tmp_path: Path) -> None:
    for name, strategy in {
        "a-10": "sobol",
        "a-9": "sobol",
        "b-2": "tpe",
        "c-1": "saasbo",
        "c-2": "saasbo",
    }.items():
        add(name, strategy)
    studies = script.read_studies(tmp_path / "studies")
    assert list(studies) == ["a-9", "a-10", "b-2", "c-1", "c-2"]
    assert script.choose(studies, None) == "a-9"
    assert script.choose(studies, "a-10") == "a-10"
    add("b-1", "sobol", beats=True)
    longer = script.read_studies(tmp_path / "studies")
    assert summarise(longer["b-1"])["hypervolume"] > 0
    assert script.choose(longer, None) == "b-1"
    assert list(script.first_of_each(studies)) == ["a-9", "b-2", "c-1"]
    one = {"c-1": studies["c-1"]}
    for refused in (
        lambda: script.choose(studies, "d"),
        lambda: script.first_of_each(one),
        lambda: script.several(one),
        lambda: script.draw_parser(tmp_path / "parser", None),
    ):
        with pytest.raises(ParetoParseError):
            refused()
