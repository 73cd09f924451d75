"""Publishing a search: nothing of this machine, and enough to go on."""

import csv
import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from nas.errors import StudyError
from nas.report.tables import metric_rows, to_csv
from nas.study import Proposal, Suggestion
from nas.study.store import DATABASE, open_study
from tests.composing import ROOT
from tests.nas.conftest import draw_points, evaluate
from tests.scripts.studies import go_on


@pytest.fixture
def script(on_path: None) -> ModuleType:
    return importlib.import_module("publish_study")


def test_nothing_of_this_machine_is_published_and_it_goes_on(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, target = tmp_path / "search", tmp_path / "results" / "one"
    folder.mkdir()
    overrides = f"[strategy=sobol, search.dir={folder}]"
    (folder / "multirun.yaml").write_text(f"hydra: {{overrides: {{task: {overrides}}}}}")
    study = go_on(folder)
    study.add(Suggestion(tuple(Proposal(p, "sobol") for p in draw_points(study.space, 3))))
    for trial in study.history.trials[:2]:
        own = folder / "trials" / str(trial.number)
        metrics = {**evaluate(trial.point), "parser": str(own / "parser.pt")}
        study.complete(
            trial.number, metrics, seconds=2.0, folder=str(own), files={"artifact": str(own / "artifact.pt")}
        )
    monkeypatch.setattr(sys, "argv", ["publish_study.py", str(folder), str(target)])
    for _ in range(2):  # publishing again replaces
        script.main()
    for path in target.iterdir():
        assert str(tmp_path).encode() not in path.read_bytes(), path
    published = open_study(target)
    assert [trial.values for trial in published.history.trials] == [t.values for t in study.history.trials]
    assert published[0].files == {"artifact": str(target / "trials" / "0" / "artifact.pt")}
    with (target / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["parser"] for row in rows] == ["trials/0/parser.pt", "trials/1/parser.pt"]
    assert float(rows[1]["accuracy"]) == pytest.approx(study[1].metrics["accuracy"], rel=1e-6)
    origin = json.loads((target / "origin.json").read_text())
    assert origin["command"] == "python -m nas.search strategy=sobol search.dir=DIR"
    # Elsewhere, the third trial still waits.
    assert [trial.number for trial in go_on(target).open()] == [2]


def test_what_is_no_search_is_refused_before_anything_is_written(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["publish_study.py", str(tmp_path), str(tmp_path / "out")])
    with pytest.raises(StudyError, match="is not a search's folder"):
        script.main()
    assert not (tmp_path / "out").exists()


PUBLISHED = sorted(path.parent for path in (ROOT / "results").rglob(DATABASE))


@pytest.mark.parametrize("folder", PUBLISHED, ids=lambda folder: folder.name)
def test_what_is_published_is_its_study_and_names_no_machine(folder: Path) -> None:
    study = open_study(folder)
    assert (folder / "metrics.csv").read_text() == to_csv(metric_rows(study))
    for one in (*study.history.trials, *study.repetitions):
        for path in (one.folder, *one.files.values()):
            assert path is None or Path(path).is_relative_to(folder)
        for value in one.metrics.values():
            assert not str(value).startswith("/")
