import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nas.errors import ReportError
from nas.report.numbers import front_trials, summarise
from nas.report.tables import write_tables
from nas.space import Space
from nas.study import Goals, Proposal, Study, Suggestion
from tests.nas.conftest import draw_points
from tests.nas.report.conftest import MakeSearch


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_trials_have_a_row_each(make_search: MakeSearch, tmp_path: Path) -> None:
    study = make_search(constraints=("memory <= 1.5e6",))
    write_tables(study, tmp_path)
    rows = read(tmp_path / "trials.csv")
    names = study.space.names
    assert list(rows[0]) == [
        *("number", "state", "batch", "origin", *names, "accuracy", "latency", "latency_low", "memory"),
        *("p_beats_reference", "on_posterior_front", "seconds", "error", "folder"),
    ]
    assert len(rows) == len(study)
    for row, trial in zip(rows, study.history.trials, strict=True):
        assert int(row["number"]) == trial.number
        assert int(row["batch"]) == trial.number // 8
        assert row["origin"] == trial.origin
        if trial.values is None:
            assert (row["state"], row["accuracy"], row["memory"]) == ("failed", "", "")
            assert row["error"] == trial.error
        else:
            assert (float(row["accuracy"]), float(row["latency"])) == trial.values
            assert float(row["memory"]) == trial.metrics["memory"]


@pytest.mark.parametrize("objectives", [1, 2, 3])
@pytest.mark.parametrize("constraints", [(), ("memory <= 1.4e6",)])
def test_the_front_is_what_nothing_dominates(
    make_search: MakeSearch, tmp_path: Path, objectives: int, constraints: tuple[str, ...]
) -> None:
    study = make_search(40, objectives=objectives, constraints=constraints)
    write_tables(study, tmp_path)
    kept = [t for t in study.history.completed if not constraints or t.metrics["memory"] <= 1.4e6]  # type: ignore[operator]
    values = {t.number: study.history.values([t])[0] for t in kept}
    front = {
        number
        for number, one in values.items()
        if not any((other >= one).all() and (other > one).any() for other in values.values())
    }
    numbers = [int(row["number"]) for row in read(tmp_path / "pareto.csv")]
    assert set(numbers) == front
    assert numbers == sorted(numbers, key=lambda number: study[number].values or ())


def test_overrides_of_the_reference_fixed_values_and_null_are_columns(space: Space, tmp_path: Path) -> None:
    fixed = replace(space, parameters=space.parameters[1:], fixed={"x": 0.5})
    study = Study(fixed, Goals.of({"accuracy": "maximize"}))
    points: list[dict[str, Any]] = [{**draw_points(fixed, 1)[0], "extra": [1, 2]}, *draw_points(fixed, 1, 1)]
    points[1]["act"] = None
    study.add(Suggestion((Proposal(points[0], "reference"), Proposal(points[1], "sobol"))))
    write_tables(study, tmp_path)
    first, second = read(tmp_path / "trials.csv")
    assert (first["x"], first["extra"]) == ("0.5", "[1, 2]")
    assert (second["extra"], second["act"]) == ("", "null")
    assert read(tmp_path / "pareto.csv") == []


def test_a_table_that_cannot_be_written_is_named_and_the_study_is_whole(
    make_search: MakeSearch, tmp_path: Path
) -> None:
    study = make_search()
    trials = study.history.trials
    (tmp_path / "pareto.csv").mkdir()
    with pytest.raises(ReportError, match=r"pareto\.csv cannot be written"):
        write_tables(study, tmp_path)
    assert study.history.trials == trials
    with pytest.raises(ReportError, match=r"missing/trials\.csv cannot be written"):
        write_tables(study, tmp_path / "missing")


def test_the_search_in_numbers(make_search: MakeSearch) -> None:
    study = make_search(24, lead=-1.0)
    found = summarise(study)
    reference = study[0].values
    assert reference is not None
    better = [
        t
        for t in study.history.completed
        if t.values and t.values[0] > reference[0] and t.values[1] < reference[1]
    ]
    assert found["trials_completed"] == 21
    assert found["trials_failed"] == 3
    assert found["trials_better_than_reference"] == len(better) > 0
    assert found["hypervolume"]
    assert (found["bo_seconds"], found["seconds"]) == (1.5, 60.0)
    alone = summarise(make_search(24, reference=False))
    assert alone["trials_better_than_reference"] is None
    assert alone["hypervolume"]
    none = make_search(24, constraints=("memory <= 0",))
    assert (summarise(none)["hypervolume"], front_trials(none.history)) == (0.0, [])
    assert summarise(make_search(0))["hypervolume"] == 0.0
