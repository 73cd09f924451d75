"""Every script: help, and nonsense."""

import re
import runpy
import sys
from pathlib import Path

import pytest

from tests.composing import ROOT
from tests.in_process import exit_code

FILES = (ROOT / "scripts").glob("*.py")
SCRIPTS = sorted(file for file in FILES if 'if __name__ == "__main__":' in file.read_text("utf-8"))
COUNTS = [
    (script, option)
    for script in SCRIPTS
    for option in re.findall(r'add_argument\("(--[\w-]+)", type=(?:int|count)', script.read_text("utf-8"))
]


def execute(script: Path, *arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", [str(script), *arguments])
    return exit_code(lambda: runpy.run_path(str(script), run_name="__main__"))


def test_the_scripts_are_found() -> None:
    assert {"benchmark_bo", "publish_study"} <= {script.stem for script in SCRIPTS}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_help_shows_what_a_script_does(
    script: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(script, "--help", monkeypatch=monkeypatch) == 0
    shown = capsys.readouterr()
    assert script.name in shown.out
    assert shown.err == ""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
@pytest.mark.parametrize(
    "nonsense", ["--nonsense", "nonsense=1", "seed=nonsense", "seed=[1", "n=-1", "seeds=0"]
)
def test_nonsense_is_one_sentence(
    script: Path,
    nonsense: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert execute(script, nonsense, monkeypatch=monkeypatch) != 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert len(shown.err.splitlines()) == 1
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(("script", "option"), COUNTS)
@pytest.mark.parametrize("wrong", ["0", "-1", "1.5", "many"])
def test_a_count_is_at_least_one(
    script: Path, option: str, wrong: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(script, option, wrong, monkeypatch=monkeypatch) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert re.fullmatch(rf"error: argument {option}: .*{re.escape(wrong)}.*\n", shown.err)
