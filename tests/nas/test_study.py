import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nas.errors import StudyError, StudyLockedError, StudyMismatchError
from nas.space import Space
from nas.study import Study, TrialState, exclusive, open_study

MakeStudy = Callable[..., Study]
Fill = Callable[..., None]


def points(space: Space, count: int) -> list[dict[str, object]]:
    return space.decode(np.random.default_rng(0).random((count, space.dimension)))  # type: ignore[return-value]


def test_a_trial_passes_through_its_states(make_study: MakeStudy, space: Space) -> None:
    study = make_study()
    point = points(space, 1)[0]
    study.propose(point, "sobol", 0, space)
    assert study.trials()[0].state is TrialState.WAITING
    study.start_waiting()
    assert study.trials()[0].state is TrialState.RUNNING
    study.set(0, metrics={"accuracy": 1.0}, seconds=2.0)
    assert study.trials()[0].state is TrialState.TRAINED
    study.set(0, error="measurement: gone")
    assert study.trials()[0].state is TrialState.UNMEASURED
    study.complete(0, {"accuracy": 1.0, "latency": 2.5, "name": "m"}, 3.0)
    trial = study.trials()[0]
    assert (trial.state, trial.values, trial.error) == (TrialState.COMPLETED, (1.0, 2.5), None)
    assert trial.metrics == {"accuracy": 1.0, "latency": 2.5, "name": "m"}
    assert trial.point == point


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None, "high", True])
def test_an_objective_that_is_no_finite_number_is_a_failure(
    make_study: MakeStudy, space: Space, value: float
) -> None:
    study = make_study()
    study.propose(points(space, 1)[0], "sobol", 0, space)
    study.start_waiting()
    study.complete(0, {"accuracy": value, "latency": 1.0}, 1.0)
    trial = study.trials()[0]
    assert trial.state is TrialState.FAILED
    assert trial.error == f"the metric accuracy is {value}, not a finite number."
    assert repr(trial.metrics["accuracy"]) == repr(value)


def test_everything_survives_on_disk(make_study: MakeStudy, space: Space, fill: Fill, tmp_path: Path) -> None:
    study = make_study()
    fill(study, points(space, 5))
    study.add_suggest_seconds(1, 2.0)
    study.add_suggest_seconds(2, 3.0)
    again = open_study(tmp_path)
    assert again.trials() == study.trials()
    assert again.suggest_seconds() == {"1": 2.0, "2": 3.0}
    assert again.token == study.token == make_study().token


def test_another_definition_is_refused_with_its_differences(make_study: MakeStudy) -> None:
    make_study()
    with pytest.raises(StudyMismatchError, match=r"seed: was 0, is 1"):
        make_study(seed=1)
    with pytest.raises(StudyMismatchError, match=r"objectives: was \[\[\"accuracy\""):
        make_study(objectives={"latency": "minimize", "accuracy": "maximize"})


def test_the_reference_sets_the_scale(make_study: MakeStudy, space: Space) -> None:
    study = make_study(reference={"x": 0.5})
    for _ in range(2):
        study.propose(points(space, 1)[0], "reference" if len(study) == 0 else "sobol", 0, space)
    study.start_waiting()
    study.complete(0, {"accuracy": 80.0, "latency": 20.0}, 1.0)
    study.complete(1, {"accuracy": 88.0, "latency": 10.0}, 1.0)
    assert study.reference_point().tolist() == [1.0, -1.0]
    np.testing.assert_allclose(study.to_maximise(study.trials()), [[1.0, -1.0], [1.1, -0.5]])


def test_without_a_reference_its_point_is_below_all(make_study: MakeStudy, space: Space, fill: Fill) -> None:
    study = make_study()
    with pytest.raises(StudyError, match="no trial has completed"):
        study.reference_point()
    fill(study, points(space, 6))
    assert (study.to_maximise(study.trials()) > study.reference_point()).all()


def test_the_reference_may_lie_outside_the_space(make_study: MakeStudy, space: Space) -> None:
    study = make_study()
    point = points(space, 1)[0] | {"width": 1000, "trainer.epochs": 3}
    study.propose(point, "reference", 0, space)
    assert study.trials()[0].point == point


def test_batches_follow_from_the_number(make_study: MakeStudy) -> None:
    study = make_study()
    assert [study.batch_of(n) for n in (0, 7, 8, 11, 12)] == [0, 0, 1, 1, 2]
    assert [study.batch_end(b) for b in range(3)] == [8, 12, 16]


def test_a_folder_belongs_to_one_search(tmp_path: Path) -> None:
    with exclusive(tmp_path), pytest.raises(StudyLockedError, match="another search is running"):
        exclusive(tmp_path).__enter__()
    with exclusive(tmp_path):
        pass


def test_a_folder_without_a_study_is_explained(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="not a search's folder"):
        open_study(tmp_path)
