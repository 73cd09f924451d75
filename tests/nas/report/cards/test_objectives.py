import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection

from nas.report import make_card
from tests.nas.report.conftest import MakeSearch


def panels(card_name: str, study: object) -> list[Axes]:
    figure = make_card(card_name, study).figure  # type: ignore[arg-type]
    assert figure is not None
    return figure.axes


def dots(axes: Axes) -> dict[str, np.ndarray]:
    """Label to positions; hollow ones under `hollow`."""
    found: dict[str, np.ndarray] = {}
    for group in axes.collections:
        assert isinstance(group, PathCollection)
        label = str(group.get_label())
        label = "hollow" if label.startswith("_") else label
        offsets = np.asarray(group.get_offsets()).reshape(-1, 2)
        found[label] = np.vstack([found[label], offsets]) if label in found else offsets
    return found


def test_two_objectives_show_trials_by_origin_and_the_reference(make_search: MakeSearch) -> None:
    study = make_search(origin="nsga2")
    (axes,) = panels("objectives", study)
    found = dots(axes)
    assert {label: len(positions) for label, positions in found.items()} == {
        "Sobol": 6,
        "NSGA-II": 14,
        "Reference model (1, 1)": 1,
    }
    assert found["Reference model (1, 1)"].tolist() == [[1.0, 1.0]]
    reference = np.array(study[0].values)
    sobol = [trial.values for trial in study.history.completed if trial.origin == "sobol"]
    np.testing.assert_allclose(found["Sobol"], (np.array(sobol) / reference)[:, ::-1])
    assert axes.get_ylabel() == "accuracy / reference\n(higher is better)"
    assert axes.get_xlabel() == "latency / reference\n(lower is better)"


def test_without_a_reference_there_is_none_to_see(make_search: MakeSearch) -> None:
    for objectives in (1, 2, 3):
        for axes in panels("objectives", make_search(reference=False, objectives=objectives)):
            texts = [
                *axes.get_legend_handles_labels()[1],
                axes.get_xlabel(),
                axes.get_ylabel(),
                axes.get_title(),
            ]
            assert not any("eference" in text for text in texts)


def test_trials_that_break_a_constraint_are_hollow_and_not_on_the_front(make_search: MakeSearch) -> None:
    study = make_search(constraints=("memory <= 1.5e6",))
    (axes,) = panels("objectives", study)
    broken = [t for t in study.history.completed[1:] if float(t.metrics["memory"] or 0) > 1.5e6]
    assert 0 < len(broken) < 20
    hollow = dots(axes)["hollow"]
    own = study.history.values(broken) * study.goals.signs
    assert sorted(map(tuple, hollow)) == sorted((latency, accuracy) for accuracy, latency in own)
    (line,) = [line for line in axes.lines if line.get_label() == "Pareto front"]
    assert not set(map(tuple, np.asarray(line.get_xydata()))) & set(map(tuple, hollow))


def test_three_objectives_have_a_panel_a_pair(make_search: MakeSearch) -> None:
    study = make_search(objectives=3)
    found = panels("objectives", study)
    assert len(found) == 3
    best = len(make_card("front", study).rows.cells)  # type: ignore[union-attr]
    assert all(len(dots(axes)["Pareto front"]) == best for axes in found)


def test_one_objective_is_drawn_over_the_trials(make_search: MakeSearch) -> None:
    study = make_search(objectives=1)
    (axes,) = panels("objectives", study)
    assert axes.get_xlabel() == "trial"
    (line,) = [line for line in axes.lines if line.get_label() == "best so far"]
    values = study.history.values(study.history.completed)[:, 0]
    np.testing.assert_allclose(np.asarray(line.get_ydata()), np.maximum.accumulate(values))


@pytest.mark.parametrize(
    ("origin", "label"),
    [
        *(("tpe", "TPE"), ("nsga2", "NSGA-II"), ("nsgaii", "NSGA-II"), ("saas", "SAAS"), ("saasbo", "SAAS")),
        *(("gp", "GP"), ("map_saas", "MAP-SAAS"), ("mapsaas", "MAP-SAAS"), ("a_new one", "a_new one")),
        ("saasbo_robust", "SAAS, robust"),
    ],
)
def test_every_origin_has_its_own_name(make_search: MakeSearch, origin: str, label: str) -> None:
    (axes,) = panels("objectives", make_search(origin=origin))
    labels = axes.get_legend_handles_labels()[1]
    assert sorted(labels) == sorted(["Sobol", label, "Pareto front", "Reference model (1, 1)"])


@pytest.mark.parametrize("objectives", [1, 2, 3])
def test_a_trial_that_diverged_does_not_squeeze_all_others(make_search: MakeSearch, objectives: int) -> None:
    study = make_search(objectives=objectives, reference=False)
    before = panels("objectives", study)[-1]
    metrics = dict(study[3].metrics)
    study.complete(3, metrics | {"accuracy": -1e6, "latency": 1e6, "memory": 1e12}, seconds=1.0)
    after = panels("objectives", study)[-1]
    assert "1 far worse, not shown" in after.get_legend_handles_labels()[1]
    assert "1 far worse, not shown" not in before.get_legend_handles_labels()[1]
    assert np.ptp(after.get_ylim()) < 2 * np.ptp(before.get_ylim())


def front_of(axes: Axes) -> np.ndarray:
    (line,) = [line for line in axes.lines if line.get_label() == "Pareto front"]
    return np.asarray(line.get_xydata())


def test_a_useless_fast_model_on_the_front_does_not_flatten_what_matters(make_search: MakeSearch) -> None:
    study = make_search(count=40)
    before = panels("objectives", study)[0]
    reference = study.history.units
    metrics = {**study[3].metrics, "accuracy": 0.0, "latency": 0.01 * reference[1]}
    study.complete(3, metrics, seconds=1.0)
    (axes,) = panels("objectives", study)
    assert "1 far worse, not shown" in axes.get_legend_handles_labels()[1]
    assert np.ptp(axes.get_ylim()) < 1.2 * np.ptp(before.get_ylim())
    # The front goes on to it, out of the frame.
    fastest = front_of(axes)[0]
    np.testing.assert_allclose(fastest, [0.01, 0.0], atol=1e-12)
    assert fastest[1] < axes.get_ylim()[0]
    # All of the front that is not far worse is in the frame.
    low, high = axes.get_ylim()
    assert all(low < y < high for _, y in front_of(axes)[1:])


def test_no_trial_is_left_out_for_what_the_reference_is_worse_in(make_search: MakeSearch) -> None:
    study = make_search(count=40, lead=-100.0)
    study.complete(3, {**study[3].metrics, "accuracy": -50.0}, seconds=1.0)
    labels = panels("objectives", study)[0].get_legend_handles_labels()[1]
    assert not any("far worse" in label for label in labels)


def test_the_rings_of_three_objectives_are_around_trials_that_are_shown(make_search: MakeSearch) -> None:
    study = make_search(objectives=3)
    study.complete(3, {**study[3].metrics, "accuracy": -1e6, "latency": -10.0}, seconds=1.0)
    best = len(make_card("front", study).rows.cells)  # type: ignore[union-attr]
    for axes in panels("objectives", study):
        assert len(dots(axes)["Pareto front"]) == best - 1
        assert np.ptp(axes.get_ylim()) < 1e3
