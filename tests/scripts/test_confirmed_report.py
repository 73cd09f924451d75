"""What searches confirmed, as a table."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from paretoparse.cli import reported_errors
from tests.nas.toy_app import Toy

SETTINGS = ("hydra.sweeper.budget=8", "hydra.sweeper.initial=5", "hydra.sweeper.batch_size=3")
OBJECTIVES = ("--accuracy", "accuracy", "--latency", "latency_ms")


@pytest.fixture
def report(on_path: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    script = importlib.import_module("confirmed_report")

    def call(*arguments: str) -> None:
        monkeypatch.setattr(sys, "argv", ["confirmed_report.py", *arguments])
        with reported_errors():
            script.main()

    return call


def test_the_table_tells_new_runs_relative_to_the_reference(
    toy: Toy, report: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    assert toy.run(*SETTINGS, "hydra.sweeper.confirm=2").returncode == 0
    rows = {row["number"]: row for row in toy.rows() if row["confirmed_runs"]}
    reference = rows.pop("0")
    gains = {
        number: float(row["confirmed_accuracy"]) - float(reference["confirmed_accuracy"])
        for number, row in rows.items()
    }
    ratios = {
        number: float(row["confirmed_latency_ms"]) / float(reference["confirmed_latency_ms"])
        for number, row in rows.items()
    }
    assert len(rows) == 2
    for saved in (-10.0, 0.0, 10.0):
        found = any(gains[number] >= 0 and ratios[number] <= 1 - saved for number in rows)
        report(str(toy.folder), *OBJECTIVES, f"--saved={saved}")
        lines = capsys.readouterr().out.splitlines()
        assert lines[2].endswith("| yes |" if found else "| no |")
        assert lines[-1].startswith(f"{found:d} of 1 found one")
        for number in rows:
            assert (
                f"{number} ({rows[number]['origin']}): {gains[number]:+.1f}, {ratios[number]:.2f},"
                in lines[2]
            )


def test_a_search_without_new_runs_is_refused(
    toy: Toy, report: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert toy.run(*SETTINGS, "hydra.sweeper.confirm=0").returncode == 0
    for arguments in ((str(toy.folder), *OBJECTIVES), (str(toy.folder),), (str(tmp_path / "none"),)):
        with pytest.raises(SystemExit):
            report(*arguments)
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert "name " in error
        assert error.count("\n") == 1
