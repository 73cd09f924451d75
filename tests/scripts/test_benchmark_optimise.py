import csv
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.composing import ROOT


def main(script: str, *arguments: str) -> int:
    """A script's exit code, in this process."""
    return int(importlib.import_module(script).main(list(arguments)))


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
