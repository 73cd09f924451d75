import numpy as np
import pytest

from nas.errors import StudyError
from nas.space import Space
from nas.study import Goals, History, Proposal, Study, Suggestion
from tests.nas.conftest import Fill, draw_points


def completed(study: Study, results: list[dict[str, float]], first: str = "sobol") -> History:
    points = draw_points(study.space, len(results))
    origins = [first, *["sobol"] * (len(results) - 1)]
    study.add(Suggestion(tuple(map(Proposal, points, origins))))
    for number, metrics in enumerate(results):
        study.complete(number, metrics, seconds=1.0)
    return study.history


def test_the_reference_sets_the_units(study: Study) -> None:
    history = completed(
        study, [{"accuracy": 80.0, "latency": 20.0}, {"accuracy": 88.0, "latency": 10.0}], "reference"
    )
    assert history.reference.tolist() == [1.0, -1.0]
    np.testing.assert_allclose(history.values(history.completed), [[1.0, -1.0], [1.1, -0.5]])
    assert history.has_reference
    assert [trial.number for trial in history.front] == [1]


def test_without_a_reference_its_point_lies_below_all(study: Study, fill: Fill) -> None:
    with pytest.raises(StudyError, match="no trial has completed"):
        _ = study.history.reference
    fill(study, 6)
    history = study.history
    assert not history.has_reference
    assert (history.values(history.completed) > history.reference).all()


@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12])
def test_that_point_follows_the_unit_even_if_all_are_equal(space: Space, goals: Goals, unit: float) -> None:
    history = completed(Study(space, goals), [{"accuracy": 3 * unit, "latency": unit}] * 2)
    np.testing.assert_allclose(history.reference, [2.7 * unit, -1.1 * unit])


def test_a_problem_may_come_with_a_reference_point(space: Space, goals: Goals) -> None:
    history = completed(Study(space, goals, fixed_reference=(0.5, 2.0)), [{"accuracy": 1.0, "latency": 1.0}])
    assert history.reference.tolist() == [0.5, -2.0]
    assert history.has_reference


def test_trials_that_break_a_constraint_are_no_candidates(space: Space) -> None:
    goals = Goals.of({"accuracy": "maximize"}, ["bytes <= 0.8 * reference"])
    results = [
        {"accuracy": 1.0, "bytes": 10.0},
        {"accuracy": 3.0, "bytes": 9.0},
        {"accuracy": 2.0, "bytes": 8.0},
    ]
    history = completed(Study(space, goals), results, "reference")
    assert [trial.number for trial in history.candidates] == [2]
    assert [trial.number for trial in history.front] == [2]


def test_what_is_known_is_what_was_known_then(study: Study) -> None:
    points = draw_points(study.space, 4)
    study.add(Suggestion(tuple(Proposal(point, "sobol") for point in points[:2])))
    before = study.history
    study.add(Suggestion(tuple(Proposal(point, "sobol") for point in points[2:])))
    keys = [study.space.key(point) for point in points]
    assert [before.knows(key) for key in keys] == [True, True, False, False]
    assert all(study.history.knows(key) for key in keys)
    assert len(before) == 2
