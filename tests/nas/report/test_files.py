import csv
import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from nas.report import write_report
from paretoparse.errors import FigureError
from tests.nas.report.conftest import MakeSearch

FILES = ("trials.csv", "pareto.csv", "metrics.json", "figures/objectives.png", "figures/hypervolume.png")


@pytest.mark.parametrize(("count", "objectives"), [(0, 2), (1, 1), (1, 2), (24, 1), (24, 2), (24, 3)])
@pytest.mark.parametrize("reference", [True, False])
def test_every_search_has_a_report(
    make_search: MakeSearch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    count: int,
    objectives: int,
    reference: bool,
) -> None:
    study = make_search(count, objectives=objectives, reference=reference, constraints=("memory <= 1.9e6",))
    write_report(study, tmp_path)
    assert all((tmp_path / name).is_file() for name in FILES)
    # Not blank: there is ink, or a sentence on why there is none.
    for name in FILES[3:]:
        assert np.ptp(imread(tmp_path / name)[..., :3]) > 0.5
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert (metrics["trials_better_than_reference"] is None) == (not reference or count == 0)
    printed = capsys.readouterr().out
    assert ("better than" in printed) == (reference and count > 0)
    if count == 24:
        with (tmp_path / "pareto.csv").open() as file:
            for row in csv.DictReader(file):
                assert f"{float(row['accuracy']):.4g}" in printed
    elif count == 0:
        assert "No trial has completed" in printed


@pytest.mark.parametrize("objectives", [1, 2, 3])
@pytest.mark.parametrize("runs", [1, 2])
def test_what_was_confirmed_is_in_tables_figure_and_summary(
    make_search: MakeSearch, tmp_path: Path, capsys: pytest.CaptureFixture[str], objectives: int, runs: int
) -> None:
    study = make_search(24, objectives=objectives)
    write_report(study, tmp_path)
    before = imread(tmp_path / FILES[3])
    chosen = [0, 1, 3]
    for one in study.repeat([(number, study[number].point) for number in chosen * runs], {}):
        metrics = study[one.repeats or 0].metrics
        bent = {name: float(value or 0) * (1 + one.number / 1e3) for name, value in metrics.items()}
        study.complete(one.number, bent, seconds=1.0)
    lost = study.repeat([(3, study[3].point)], {})[0]
    study.fail(lost.number, "ValueError: too deep")
    capsys.readouterr()
    write_report(study, tmp_path)
    after = imread(tmp_path / FILES[3])
    assert before.shape != after.shape or (before != after).any()
    with (tmp_path / "trials.csv").open() as file:
        rows = {int(row["number"]): row for row in csv.DictReader(file)}
    assert len(rows) == 24
    for number in chosen:
        mean = float(rows[number]["confirmed_accuracy"])
        if runs > 1:
            low, high = (float(rows[number][f"confirmed_accuracy_{end}"]) for end in ("low", "high"))
            assert low < mean < high
        else:
            assert rows[number]["confirmed_accuracy_low"] == ""
        assert (rows[number]["confirmed_p_beats_reference"] == "") == (number == 0 or runs == 1)
    assert {row["on_posterior_front"] for row in rows.values()} == {"True", "False", ""}
    printed = " ".join(capsys.readouterr().out.split())
    assert f"1 of {3 * runs + 1} repetitions failed (trial 3: ValueError: too deep)" in printed
    assert ("2 trials run again with new seeds: P(beats) = " in printed) == (runs > 1)


def test_what_cannot_be_written_is_named_and_the_rest_is_there(
    make_search: MakeSearch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "figures").write_text("in the way")
    with pytest.raises(FigureError, match=r"figures/objectives\.png cannot be written"):
        write_report(make_search(), tmp_path)
    assert all((tmp_path / name).is_file() for name in FILES[:3])
    assert "Pareto front" in capsys.readouterr().out
