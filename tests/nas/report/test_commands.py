import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nas import figures
from nas.report import __main__ as report
from nas.space import Space
from nas.study import Goals, Study
from nas.study.store import Definition, open_or_create, open_study
from paretoparse.errors import ParetoParseError
from tests.composing import ROOT
from tests.fresh_interpreter import run_fresh
from tests.nas.conftest import Fill

FILES = ("trials.csv", "pareto.csv", "metrics.json")


@pytest.fixture
def folder(space: Space, goals: Goals, fill: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A search's folder whose name is a number, seen from its parent."""
    monkeypatch.chdir(tmp_path)
    folder = Path("12")
    folder.mkdir()
    definition = Definition(space.describe(), goals.describe(), None, {"seed": 0})
    study: Study = open_or_create(folder, definition, None, None, accept_changes=False)
    fill(study, 8, reference=True)
    study.note("seconds", 3.0)
    return folder


def test_the_report_comes_from_the_study_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (folder / "study.db").read_bytes()
    report.main(["study=12"])
    assert all((folder / name).is_file() for name in FILES)
    assert (folder / "study.db").read_bytes() == before
    printed = capsys.readouterr().out
    assert "Pareto front" in printed
    assert "8 trials completed, 0 failed" in printed
    assert "Convergence" not in printed
    open_study(folder).note("diagnostics", {"1": [{"objective": 0, "rhat": 1.0, "converged": True}]})
    report.main(["study=12"])
    assert "Convergence" in capsys.readouterr().out


def test_figures_by_name_and_by_number(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures.main(["study=12"])
    figures.main(["study=12", "figure=hypervolume", "out=some/other.svg"])
    shutil.copytree(folder, "runs/12")
    figures.main(["study=[12,runs/12]", "figure=3"])
    figures.main(["study=[12,runs/12]", "figure=comparison"])
    for name in ("12/figures/objectives.png", "12/figures/hypervolume.png", "figure3.png", "comparison.png"):
        assert Path(name).read_bytes()[:4] == b"\x89PNG"
    figures.main(["study=[12,runs/12]", "figure=4", "out=some/convergence.svg"])
    for name, axis in {"other": "trial", "convergence": "hours of search"}.items():
        assert f">{axis}</text>" in Path(f"some/{name}.svg").read_text()
    assert "runs/12" in capsys.readouterr().out
    figures.main(["study=12", "figure=trials"])
    assert "gelu" in capsys.readouterr().out
    assert not Path("12/figures/trials.png").exists()


def test_importance_draws_directions_too_and_says_what_it_waits_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures.main(["study=12", "figure=importance", "trial=3"])
    printed = capsys.readouterr()
    assert "Importance of the parameters" in printed.out
    assert "one step from trial 3" in printed.out
    assert "Fitting SAAS to 8 trials." in printed.err
    for name in ("importance", "direction"):
        assert Path(f"12/figures/{name}.png").read_bytes()[:4] == b"\x89PNG"
    figures.main(["study=12", "figure=importance", "out=alone.png"])
    assert Path("alone.png").is_file()
    assert "one step" not in capsys.readouterr().out


REFUSED = [
    (["study=12", "figure=direction", "trial=x"], "no trial's number"),
    (["study=12", "figure=direction", "trial=8"], "no trial 8"),
    (["study=12", "figure=hypervolume", "trial=1"], "leave trial=1 out"),
    (["study=12", "figure=9"], "no figure=9"),
    (["study=12", "figure=comparison"], "at least two"),
    (["study=[12,12]", "figure=3"], "at least two"),
    (["study=12", "figure=4"], "at least two"),
    (["study=12", "figure=6"], "does not tell tokenizer.vocab_size"),
    (["study=12", "out=a.png"], "two files"),
    (["study=[12,12]", "figure=objectives", "out=a.png"], "one figure"),
    (["study=12", "figure=objectives", "out=a.txt"], r"name it \.png"),
    (["study=13"], "13 is not a search's folder"),
    (["study=12", "depth=3"], "depth=3"),
    ([], "study=DIR"),
]


def test_what_cannot_be_drawn_is_refused(folder: Path) -> None:
    for arguments, message in REFUSED:
        with pytest.raises(ParetoParseError, match=message):
            figures.main(arguments)


@pytest.mark.parametrize("module", ["nas.report", "nas.figures"])
def test_help_and_errors_of_the_commands(module: str, tmp_path: Path) -> None:
    def run(argument: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", module, argument]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    asked = run("--help")
    assert asked.returncode == 0
    assert f"python -m {module} study=DIR" in asked.stdout
    refused = run(f"study={tmp_path}")
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "is not a search's folder" in refused.stderr


def test_tables_and_the_console_wait_for_neither_torch_nor_matplotlib() -> None:
    assert run_fresh("import nas.report.__main__, nas.figures", "torch", "matplotlib") == ("", set())
