"""The loop with an executor in memory."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from nas.errors import SearchFailedError, SettingsError
from nas.execution.loop import Loop, Plan, Quiet
from nas.execution.measurement import Trained
from nas.execution.memory import MemoryExecutor
from nas.space import IntegerParameter, Point, Space
from nas.strategy.sobol import SobolStrategy
from nas.study import Goals, Study, Trial, TrialState
from tests.nas.conftest import draw_points, evaluate


def run(
    study: Study, plan: Plan, function: Any = lambda point, number: evaluate(point), **options: Any
) -> MemoryExecutor:
    executor = MemoryExecutor(function, study.goals.names)
    Loop(study, SobolStrategy(), executor, plan, **options).run()
    return executor


def test_a_search_spends_its_budget_in_rounds(study: Study) -> None:
    reference = draw_points(study.space, 1)[0]
    run(study, Plan(budget=12, initial=5, batch_size=3), reference=reference)
    history = study.history
    assert [trial.round for trial in history.trials] == [0] * 5 + [1] * 3 + [2] * 3 + [3]
    assert [trial.origin for trial in history.trials] == ["reference"] + ["sobol"] * 11
    assert history.trials[0].point == reference
    assert len(history.completed) == 12
    assert len({study.space.key(trial.point) for trial in history.trials}) == 12


def test_a_larger_budget_goes_on_and_a_smaller_one_does_nothing(study: Study) -> None:
    run(study, Plan(budget=6, initial=4, batch_size=2))
    before = study.history.trials
    run(study, Plan(budget=5, initial=4, batch_size=2))
    assert study.history.trials == before
    run(study, Plan(budget=9, initial=4, batch_size=2))
    whole = Study(study.space, study.goals)
    run(whole, Plan(budget=9, initial=4, batch_size=2))
    assert study.history.trials == whole.history.trials


def test_with_room_for_more_no_round_waits_for_the_last(study: Study) -> None:
    class Watch(Quiet):
        most = 0

        def proposed(self, trials: Sequence[Trial], seconds: float) -> None:
            self.most = max(self.most, len(study.open()))
            if trials[0].round:
                assert len(study.open()) == 4

    watch = Watch()
    run(study, Plan(budget=12, initial=4, batch_size=1, open=4), events=watch)
    assert len(study.history.completed) == 12
    assert study.rounds == 9


def test_failures_are_told_apart_from_results(study: Study) -> None:
    def function(point: Point, number: int) -> Mapping[str, float]:
        if number == 2:
            raise ValueError("the layers do not fit")
        return {} if number == 4 else evaluate(point)

    run(study, Plan(budget=8, initial=8), function)
    assert [trial.number for trial in study.history.failed] == [2, 4]
    assert study[2].error == "ValueError: the layers do not fit"
    assert study[4].error == "the metric accuracy is missing; the job returned nothing."


def test_too_many_failures_end_the_search(study: Study) -> None:
    with pytest.raises(SearchFailedError, match=r"4 of 4 trials failed.*the last error: .*missing"):
        run(study, Plan(budget=8, initial=4, batch_size=4), lambda point, number: {})
    assert len(study) == 4


def test_a_failing_reference_ends_the_search(study: Study) -> None:
    def function(point: Point, number: int) -> Mapping[str, float]:
        return evaluate(point) if number else {}

    with pytest.raises(SearchFailedError, match="the reference model failed"):
        run(
            study, Plan(budget=8, initial=4, batch_size=4), function, reference=draw_points(study.space, 1)[0]
        )
    assert len(study) == 4


def test_a_finite_space_ends_the_search_early(goals: Goals, caplog: pytest.LogCaptureFixture) -> None:
    study = Study(Space((IntegerParameter("n", 1, 5),)), goals)
    run(study, Plan(budget=9, initial=3, batch_size=3), lambda point, number: (point["n"], 1.0))
    assert sorted(trial.point["n"] for trial in study.history.completed) == [1, 2, 3, 4, 5]
    assert "ends before its budget" in caplog.text


class Scale:
    """Measures latency from what training returned; breaks for some trials."""

    def __init__(self, broken: Sequence[int] = ()) -> None:
        self.broken = set(broken)
        self.batches: list[tuple[list[int], int | None]] = []

    def measure_batch(
        self, trained: Sequence[Trained], control: Trained | None
    ) -> Iterator[tuple[int, Mapping[str, Any] | Exception]]:
        self.batches.append(([one.number for one in trained], control and control.number))
        for one in trained:
            if one.number in self.broken:
                yield one.number, ConnectionError("the device is gone")
            else:
                yield one.number, {"latency": 2 * float(one.metrics["cost"] or 0)}


def test_a_batch_is_measured_beside_the_reference_when_all_jobs_have_ended(study: Study) -> None:
    def function(point: Point, number: int) -> Mapping[str, float]:
        return {"accuracy": 1.0 + number, "cost": 3.0}

    measurement, reference = Scale(broken=[2]), draw_points(study.space, 1)[0]
    plan = Plan(budget=6, initial=4, batch_size=2)
    executor = MemoryExecutor(function, study.goals.names)
    loop = Loop(study, SobolStrategy(), executor, plan, measurement=measurement, reference=reference)
    # A control is measured where its job left a folder; in memory there is none.
    study_record = loop._record

    def with_folder(number: int, outcome: Any) -> None:
        study_record(number, type(outcome)(outcome.metrics, {}, None, 0.1, f"trials/{number}"))

    loop._record = with_folder  # type: ignore[method-assign]
    loop.run()
    assert measurement.batches == [([0, 1, 2, 3], 0), ([4, 5], 0)]
    assert [trial.state for trial in study.history.trials][:4] == ["completed"] * 2 + [
        "unmeasured",
        "completed",
    ]
    assert study[2].error == "measurement: ConnectionError: the device is gone"
    assert study[1].values == (2.0, 6.0)

    # What could not be measured is measured again, without training.
    again = Scale()
    Loop(study, SobolStrategy(), MemoryExecutor(lambda p, n: {}, ()), plan, measurement=again).run()
    assert again.batches == [([2], 0)]
    assert {trial.state for trial in study.history.trials} == {TrialState.COMPLETED}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"budget": 2}, "budget=2 is out of range: it must be an integer of at least 8"),
        ({"initial": 0}, "initial=0"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"open": 4}, "open=4"),
        ({"max_failure_rate": 1.5}, "it must be 0 to 1"),
    ],
)
def test_plans_that_cannot_work_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Plan(**settings)


def test_trials_cost_the_same_however_many_there_are() -> None:
    # Counted, not timed: how often all trials are looked through.
    class Counted(Study):
        histories = 0

        @property
        def history(self) -> Any:
            self.histories += self._history is None
            return super().history

    space = Space((IntegerParameter("n", 0, 10**6),))
    study = Counted(space, Goals.of({"a": "maximize"}))
    run(study, Plan(budget=400, initial=40, batch_size=40), lambda point, number: point["n"])
    assert study.histories <= 4 * 10
    assert np.all([trial.values == (trial.point["n"],) for trial in study.history.trials])
