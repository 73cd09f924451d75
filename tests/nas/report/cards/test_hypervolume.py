import numpy as np
import pytest

from nas.pareto import hypervolume
from nas.report import make_card
from nas.report.numbers import summarise
from nas.study import Study
from tests.nas.report.conftest import MakeSearch


def drawn(study: Study) -> tuple[np.ndarray, np.ndarray, str]:
    figure = make_card("hypervolume", study).figure
    assert figure is not None
    (axes,) = figure.axes
    line = axes.lines[0]
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata()), axes.get_title()


@pytest.mark.parametrize("objectives", [2, 3])
@pytest.mark.parametrize("constraints", [(), ("memory <= 1.4e6",)])
def test_the_curve_is_that_of_the_trials_so_far(
    make_search: MakeSearch, objectives: int, constraints: tuple[str, ...]
) -> None:
    study = make_search(objectives=objectives, constraints=constraints, lead=-0.4)
    history = study.history
    numbers, volumes, title = drawn(study)
    assert numbers.tolist() == [trial.number for trial in history.completed]
    for number, volume in zip(numbers, volumes, strict=True):
        so_far = [trial for trial in history.candidates if trial.number <= number]
        assert volume == pytest.approx(hypervolume(history.values(so_far), history.reference))
    assert volumes[-1] == pytest.approx(summarise(study)["hypervolume"])
    assert title == ""


def test_where_nothing_beats_the_reference_the_figure_says_so_and_by_how_much(
    make_search: MakeSearch,
) -> None:
    study = make_search(lead=0.5)
    assert summarise(study)["hypervolume"] == 0
    _, volumes, title = drawn(study)
    assert volumes[-1] > 0
    assert (np.diff(volumes) >= 0).all()
    short_by = (study.history.reference - study.history.values(study.history.completed[1:])).max(axis=1)
    assert "No result is better than the reference's" in title
    assert f"trial {study.history.completed[1 + int(short_by.argmin())].number}," in title
    assert f"{100 * short_by.min():.2g} %" in title


def test_one_objective_shows_the_best_value_so_far(make_search: MakeSearch) -> None:
    study = make_search(objectives=1, reference=False)
    _, values, _ = drawn(study)
    own = [trial.values[0] for trial in study.history.completed if trial.values]
    np.testing.assert_allclose(values, np.maximum.accumulate(own))


@pytest.mark.parametrize(
    ("count", "constraint", "reason"), [(0, "memory <= 1", "0 failed"), (8, "memory <= 1", "keeps all")]
)
def test_an_empty_figure_says_why(make_search: MakeSearch, count: int, constraint: str, reason: str) -> None:
    figure = make_card("hypervolume", make_search(count, constraints=(constraint,))).figure
    assert figure is not None
    assert not figure.axes
    assert reason in figure.texts[0].get_text()
