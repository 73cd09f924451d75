import csv
import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from paretoparse.cli import reported_errors
from tests.composing import ROOT
from tests.in_process import exit_code


def main(script: str, *arguments: str) -> int:
    """A script's exit code, in this process."""

    def run() -> None:
        with reported_errors():
            importlib.import_module(script).main(list(arguments))

    return exit_code(run)


def test_runs_are_made_once_and_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["part=optimise", "problems=[branin_currin]", "methods=[sobol]", "seeds=1", "budget=12", "q=5"]
    options.append(f"output={tmp_path}")
    command = [sys.executable, str(ROOT / "scripts" / "benchmark_bo.py"), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    file = tmp_path / "runs" / "branin_currin-sobol-0.csv"
    with file.open(newline="") as text:
        rows = list(csv.DictReader(text))
    assert [row["evaluations"] for row in rows] == ["5", "10", "12"]
    volumes = [float(row["hypervolume"]) for row in rows]
    assert volumes == sorted(volumes)
    assert volumes[-1] > 0
    assert done.stdout.splitlines() == [" ".join(row.values()) for row in rows]

    written = file.stat().st_mtime_ns
    assert main("benchmark_bo", *options) == 0
    assert file.stat().st_mtime_ns == written

    assert main("optimise_report", str(tmp_path)) == 0
    assert f"| sobol | 1 | {volumes[1]:.4g} | {volumes[2]:.4g} |" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"runs", "optimise.csv", "optimise.png"}


def test_no_batch_is_begun_after_the_deadline(tmp_path: Path) -> None:
    options = ["problems=[dtlz2]", "side=tpe", "budget=12", "q=4", "hours=0", f"output={tmp_path}"]
    assert main("benchmark_bo", "part=optimise", *options) == 0
    lines = (tmp_path / "runs" / "dtlz2-tpe-0.csv").read_text().splitlines()
    assert [line.split(",")[3] for line in lines[1:]] == ["4"]


@pytest.mark.parametrize("wrong", ["q=0", "methods=[annealing]", "budget=many", "bugdet=12"])
def test_a_wrong_option_is_one_sentence(
    wrong: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("benchmark_bo", "part=optimise", wrong, f"output={tmp_path / 'new'}") == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "new").exists()


def test_trials_seconds_are_kept_and_methods_ranked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["problems=[nlu24]", "methods=[sobol,nsga2,tpe]", "seeds=2", "budget=48", "q=24"]
    assert main("benchmark_bo", "part=optimise", *options, f"output={tmp_path}") == 0
    with (tmp_path / "runs" / "nlu24-nsga2-1.csv").open(newline="") as text:
        rows = list(csv.DictReader(text))
    # A training of NLU24 takes some 20 to 150 seconds.
    assert all(24 * 20 < float(row["trial_seconds"]) < 24 * 150 for row in rows)
    assert main("optimise_report", str(tmp_path)) == 0
    shown = capsys.readouterr().out
    assert "| of 3, 2 seeds | mean rank |" in shown
    ranks = [float(line.split("|")[2]) for line in shown.split("mean rank")[1].splitlines()[2:]]
    assert sum(ranks) == pytest.approx(6, abs=0.02)


def test_a_folder_without_runs_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "runs").mkdir()
    for folder in (tmp_path, tmp_path / "none"):
        assert main("optimise_report", str(folder)) == 1
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert len(error.splitlines()) == 1


def test_ranks_and_their_critical_difference() -> None:
    report = importlib.import_module("optimise_report")
    values = np.array([[3.0, 1.0, 1.0], [2.0, 5.0, 1.0]])
    assert report.mean_ranks(values).tolist() == [1.5, 1.75, 2.75]
    # Demšar 2006, table 5(a): 3.164 for ten classifiers; and his example of four on fourteen data sets.
    assert report.critical_difference(10, 1) == pytest.approx(3.164 * np.sqrt(110 / 6), rel=1e-3)
    assert report.critical_difference(4, 14) == pytest.approx(1.25, abs=0.01)


def test_the_evaluations_needed_are_the_median_of_the_seeds() -> None:
    report = importlib.import_module("optimise_report")

    def run(*volumes: float) -> list[dict[str, str]]:
        return [
            {"evaluations": str(16 * (i + 1)), "hypervolume": str(volume)} for i, volume in enumerate(volumes)
        ]

    runs = {
        "tpe": {0: run(0, 4, 4), 1: run(0, 0, 4), 2: run(4, 4, 4)},
        "sobol": {0: run(0, 0, 0), 1: run(0, 0, 1)},
    }
    assert report.reached(runs)[1:] == [
        "|---|---|---|---|---|",
        "| tpe | 32 | 32 | 32 | 32 |",
        "| sobol | - | - | - | - |",
    ]


def test_smac_proposes_points_of_the_space(tmp_path: Path) -> None:
    pytest.importorskip("smac")
    options = ["problems=[nlu24]", "methods=[smac]", "seeds=1", "budget=12", "q=6", f"output={tmp_path}"]
    assert main("benchmark_bo", "part=optimise", *options) == 0
    lines = (tmp_path / "runs" / "nlu24-smac-0.csv").read_text().splitlines()
    assert [line.split(",")[3] for line in lines[1:]] == ["6", "12"]


def test_a_library_that_is_missing_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "smac", None)
    options = ["problems=[dtlz2]", "side=smac", "budget=8", "q=4", f"output={tmp_path}"]
    assert main("benchmark_bo", "part=optimise", *options) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "smac" in error
    assert "baseline_python=PATH" in error
    assert len(error.splitlines()) == 1
