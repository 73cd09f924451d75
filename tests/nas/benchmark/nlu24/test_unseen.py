import re
from pathlib import Path

import numpy as np
import pytest

from nas import open_study
from nas.benchmark.nlu24 import NLU24
from nas.benchmark.nlu24 import build as build_module
from nas.benchmark.nlu24.data import OBJECTIVES, BenchmarkError
from nas.benchmark.nlu24.unseen import foretold, main
from tests.composing import ROOT
from tests.nas.benchmark.nlu24.studies import make_study

STUDIES = ROOT / "results" / "studies"


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that the data is not from."""
    return make_study(tmp_path_factory.mktemp("later") / "sobol-9", seed=9, budget=48, confirm=0)


def test_a_later_study_is_foretold_as_what_its_trials_say(data: Path, later: Path) -> None:
    (found,) = foretold([later], data).values()
    trials = [trial for trial in open_study(later).history.trials if trial.values is not None]
    good = [trial for trial in trials if trial.metrics["exact_match"] != 0.5]
    diverged = len(trials) - len(good)
    assert found["runs"] == {"left_out": 0, "unseen": 48, "failed": 48 - len(trials), "diverged": diverged}
    assert diverged > 0
    predicted = NLU24(data=data).predict([trial.point for trial in good])
    for name in (*OBJECTIVES, "seconds"):
        error = predicted[name] - np.array([trial.metrics[name] for trial in good])
        assert found[name]["n"] == len(good)
        assert found[name]["rmse"] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-6)
    assert found["latency_p99_ratio"]["spearman"] > 0.9


def test_what_the_table_has_is_no_foretelling(data: Path, studies: list[Path], later: Path) -> None:
    found = foretold([studies[0], later], data)
    known = len(open_study(studies[0]).history.trials) + len(open_study(studies[0]).repetitions)
    assert found["sobol-0"]["runs"] == {"left_out": known, "unseen": 0, "failed": 0, "diverged": 0}
    assert found["sobol-0"]["exact_match"] is None
    alone = foretold([later], data)["sobol-9"]
    assert found["sobol-9"] == alone
    assert found["all"] == {**alone, "runs": {**alone["runs"], "left_out": known}}


def test_studies_of_another_space_are_refused(data: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"^sobol-1 has another space than the benchmark: \w"):
        foretold([STUDIES / "sobol-1"], data)


def test_the_page_tells_how_published_studies_were_foretold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "nlu24.md").read_text()
    rows = {
        name: [float(cell) for cell in cells.split(" | ")]
        for name, cells in re.findall(r"^\| ((?:\w+-\d|all)) \| ([\d. |]+) \|$", page, re.MULTILINE)
    }
    part = page.partition("Studies that came later")[2]
    known, later = (re.findall(r"results/studies/([\w-]+)", line) for line in re.findall(r"'study=.*'", part))
    assert rows.keys() == {*later, "all"}
    assert {*known, *later} == {one.name for one in STUDIES.iterdir()}
    monkeypatch.setattr(build_module, "_quality", lambda *arguments: {})
    build_module.build([STUDIES / name for name in known], tmp_path, "0.1")
    main([f"study=[{','.join(str(STUDIES / name) for name in later)}]", f"data={tmp_path}"])
    lines = capsys.readouterr().out.splitlines()
    printed = {
        (line.split()[0], line.split()[1].strip(":")): dict(re.findall(r"(\w+) (\S+?)(?:,|$)", line))
        for line in lines
    }
    for name, cells in rows.items():
        exact_match, latency = (printed[name, objective] for objective in OBJECTIVES)
        told = [exact_match["n"]]
        told += [score[key] for score in (exact_match, latency) for key in ("r2", "spearman")]
        assert cells == [float(told[0]), *(float(f"{float(value):.2g}") for value in told[1:])]
