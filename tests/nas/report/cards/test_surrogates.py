import numpy as np
import pytest

from nas.errors import ReportError
from nas.report import make_card
from nas.study import Proposal, Suggestion
from tests.nas.conftest import draw_points, evaluate
from tests.nas.report.conftest import MakeSearch


def test_leave_one_out_comes_from_the_study_alone(make_search: MakeSearch) -> None:
    study = make_search(10, origin="saas")
    card = make_card("leave_one_out", study)
    assert card.rows is not None
    assert [row[:2] for row in card.rows.cells] == [
        *(("accuracy", "SAAS"), ("accuracy", "MAP")),
        *(("latency", "SAAS"), ("latency", "MAP")),
    ]
    figure = card.figure
    assert figure is not None
    # Both objectives are drawn as ratios to the reference, the one to minimise too.
    values = np.array([trial.values for trial in study.history.completed])
    shown = figure.axes[3].containers[0][0].get_xdata()
    np.testing.assert_allclose(shown, values[:, 1] / values[0, 1])


@pytest.mark.parametrize("objectives", [1, 2, 3])
def test_importance_has_every_parameter_and_each_objective(make_search: MakeSearch, objectives: int) -> None:
    study = make_search(12, objectives=objectives)
    card = make_card("importance", study)
    assert card.rows is not None
    assert sorted(row[0] for row in card.rows.cells) == sorted(study.space.names)
    assert card.rows.columns[1:3] == ("accuracy total", "accuracy first order")
    assert len(card.rows.columns) == 1 + 2 * objectives
    assert card.figure is not None
    assert [axes.get_title() for axes in card.figure.axes] == list(study.goals.names)
    labels = [label.get_text() for label in card.figure.axes[0].get_yticklabels()]
    assert labels == [row[0] for row in card.rows.cells]


@pytest.mark.parametrize("objectives", [1, 2])
def test_directions_are_those_of_the_function(make_search: MakeSearch, objectives: int) -> None:
    study = make_search(40, objectives=objectives)
    trial = next(t for t in study.history.completed if 1 < t.point["layers"] < 6 and t.point["act"] == "relu")
    card = make_card("direction", study, trial=trial.number)
    assert f"trial {trial.number}" in card.title
    assert card.rows is not None
    assert card.rows.columns == ("parameter", "from", "to", *study.goals.names)
    rows = {(row[0], row[2]): row[3:] for row in card.rows.cells}
    layers = trial.point["layers"]
    up, down = rows["layers", str(layers + 1)], rows["layers", str(layers - 1)]
    assert {key for key in rows if key[0] == "act"} == {("act", "gelu"), ("act", "silu")}
    assert float(rows["act", "gelu"][0].split()[0]) == pytest.approx(1, abs=0.4)
    if objectives > 1:
        # Latency grows by 0.1 a layer, in its own unit.
        assert float(up[1].split()[0]) == pytest.approx(0.1, abs=0.04)
        assert float(down[1].split()[0]) == pytest.approx(-0.1, abs=0.04)
    assert card.figure is not None
    labels = [label.get_text() for label in card.figure.axes[0].get_yticklabels()]
    assert f"layers  {layers - 1} ← {layers} → {layers + 1}" in labels
    assert "act  relu → gelu" in labels


def test_directions_start_from_a_trial_that_beats_the_reference_if_there_is_one(
    make_search: MakeSearch,
) -> None:
    study = make_search(24, lead=-1.0)
    number = int(make_card("direction", study).title.rpartition(" ")[2])
    assert number in {trial.number for trial in study.history.front}
    assert (study.history.values([study[number]]) > study.history.reference).all()
    assert "trial 0 (the reference)" in make_card("direction", make_search(8, lead=5.0)).title
    for wrong, message in ((24, "no trial 24"), (-1, "no trial -1")):
        with pytest.raises(ReportError, match=message):
            make_card("direction", study, trial=wrong)


def test_a_constant_objective_is_left_out_and_said(make_search: MakeSearch) -> None:
    study = make_search(0)
    points = draw_points(study.space, 10)
    for trial in study.add(Suggestion(tuple(Proposal(point, "sobol") for point in points))):
        study.complete(trial.number, evaluate(trial.point) | {"latency": 3.0}, seconds=1.0)
    for name in ("importance", "direction", "leave_one_out"):
        card = make_card(name, study)
        assert "Constant in all trials, so left out: latency." in card.caption
        assert card.rows is not None
        assert not any("latency" in head for head in card.rows.columns)
        assert card.figure is not None


def test_one_outlier_does_not_hide_what_the_others_say(make_search: MakeSearch) -> None:
    study = make_search(0, objectives=1)
    points = draw_points(study.space, 24)
    for trial in study.add(Suggestion(tuple(Proposal(point, "sobol") for point in points))):
        accuracy = -1e6 if trial.number == 5 else 10.0 * trial.point["x"]
        study.complete(trial.number, {"accuracy": accuracy}, seconds=1.0)
    card = make_card("importance", study)
    assert "1 value far worse than the others" in card.caption
    assert card.rows is not None
    assert card.rows.cells[0][0] == "x"


def test_cards_of_one_search_share_its_fit(make_search: MakeSearch, caplog: pytest.LogCaptureFixture) -> None:
    study = make_search(11, seed=5)
    with caplog.at_level("INFO", logger="nas.report.fits"):
        for name in ("importance", "direction", "leave_one_out"):
            make_card(name, study)
    assert [record.getMessage() for record in caplog.records if record.name == "nas.report.fits"] == [
        "Fitting SAAS to 10 trials.",
        "Fitting MAP to 10 trials.",
    ]


@pytest.mark.parametrize("name", ["leave_one_out", "importance", "direction"])
def test_too_few_trials_are_no_fit(make_search: MakeSearch, name: str) -> None:
    with pytest.raises(ReportError, match="needs 4"):
        make_card(name, make_search(3))


def test_diagnostics_name_the_metrics_of_the_fits(make_search: MakeSearch) -> None:
    study = make_search(8, constraints=("memory <= 2e6",))
    fit = {"observations": 8, "rhat": 1.01, "converged": True}
    fits = [{"objective": index} | fit for index in range(3)]
    study.add(Suggestion((), (fits[0], fits[1] | {"converged": False}, fits[2] | {"fallback": True})))
    card = make_card("diagnostics", study)
    assert card.rows is not None
    assert [(row[1], row[-1]) for row in card.rows.cells] == [
        ("accuracy", "converged"),
        ("latency", "not converged"),
        ("memory", "MAP-SAAS"),
    ]
    assert card.caption == "3 fits, 2 of them did not converge."
