"""Confirming what a search found, with executors in memory."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nas.confirmed import confirmed
from nas.errors import SettingsError
from nas.execution.confirm import choose
from nas.execution.loop import Loop, Plan, Quiet
from nas.execution.measurement import Trained
from nas.execution.memory import MemoryExecutor
from nas.execution.outcomes import Outcome
from nas.probability import beliefs
from nas.space import Point, Space
from nas.strategy.sobol import SobolStrategy
from nas.study import REPETITION, Goals, Study, Trial, TrialState
from nas.study.store import Definition, StoredStudy, open_or_create
from tests.nas.conftest import Fill, draw_points, evaluate

PLAN = Plan(budget=10, initial=5, batch_size=5, seed=3, confirm=2, seed_key="seed")


class Noisy:
    """Evaluates points with a noise that depends on the seed alone; fails or is cut at some job's number."""

    def __init__(self, fail: Sequence[int] = (), cut: int | None = None) -> None:
        self.fail, self.cut = fail, cut
        self.ran: list[int] = []

    def __call__(self, point: Point, number: int) -> Mapping[str, float]:
        if number == self.cut:
            raise KeyboardInterrupt
        self.ran.append(number)
        if number in self.fail:
            raise ValueError("the layers do not fit")
        noise = (int(point.get("seed", 1)) % 1009) / 1e5  # type: ignore[arg-type]
        return {name: value + noise for name, value in evaluate(point).items()}


def run(
    study: Study, plan: Plan = PLAN, function: Any = None, reference: bool = True, **options: Any
) -> None:
    executor = MemoryExecutor(function or Noisy(), study.goals.names)
    point = draw_points(study.space, 1, seed=9)[0] if reference else None
    Loop(study, SobolStrategy(), executor, plan, reference=point, **options).run()


def test_finds_and_the_reference_run_again_with_new_seeds_and_strategies_see_nothing(study: Study) -> None:
    plain = Study(study.space, study.goals)
    run(plain, replace(PLAN, confirm=0))
    assert plain.repetitions == []
    run(study)
    assert study.history.trials == plain.history.trials
    assert len(study) == 10
    assert study.rounds == plain.rounds
    assert study.history.keys == plain.history.keys
    repeated = study.repetitions
    assert [one.number for one in repeated] == list(range(10, 16))
    assert {one.origin for one in repeated} == {REPETITION}
    chosen = [trial.number for trial in choose(study.history, 2)]
    assert [one.repeats for one in repeated] == 2 * [0, *chosen]
    assert len({one.point["seed"] for one in repeated}) == 6
    for one in repeated:
        assert one.repeats is not None
        assert {**one.point, "seed": None} == {**study[one.repeats].point, "seed": None}
        assert one.state is TrialState.COMPLETED
        assert one.values != study[one.repeats].values

    # The same command again has nothing to do; more trials are confirmed anew, and the old runs still count.
    again = Noisy()
    run(study, function=again)
    assert again.ran == []
    run(study, replace(PLAN, budget=15), again)
    assert again.ran == list(range(16, 16 + 5 + 6))
    points = Study(study.space, study.goals)
    run(points, replace(PLAN, budget=15, confirm=0))
    assert [t.point for t in study.history.trials] == [t.point for t in points.history.trials]
    assert confirmed(study)[0].runs == 4


def opened(folder: Path, space: Space, goals: Goals) -> StoredStudy:
    definition = Definition(space.describe(), goals.describe(), None, {"seed": PLAN.seed})
    return open_or_create(folder, definition, None, None, accept_changes=False)


def test_a_search_that_is_cut_among_its_repetitions_goes_on_to_the_same(
    space: Space, goals: Goals, tmp_path: Path
) -> None:
    whole = Study(space, goals)
    run(whole)
    for cut in (10, 11, 14):
        with pytest.raises(KeyboardInterrupt):
            run(opened(tmp_path, space, goals), function=Noisy(cut=cut))
    left = Noisy()
    run(opened(tmp_path, space, goals), function=left)
    assert left.ran == [14, 15]
    study = opened(tmp_path, space, goals)
    assert study.repetitions == whole.repetitions
    assert study.history.trials == whole.history.trials


def test_repetitions_that_were_not_all_stored_are_added_first(
    space: Space, goals: Goals, tmp_path: Path
) -> None:
    class Killed(StoredStudy):
        def _create(self, trial: Trial) -> None:
            if trial.number == 12:
                raise KeyboardInterrupt
            super()._create(trial)

    study = opened(tmp_path, space, goals)
    with pytest.raises(KeyboardInterrupt):
        run(Killed(study._study, tmp_path))
    assert [one.number for one in opened(tmp_path, space, goals).repetitions] == [10, 11]
    # Also where the search has more to do before.
    study = opened(tmp_path, space, goals)
    run(study, replace(PLAN, budget=12))
    assert [one.number for one in study.repetitions] == [*range(10, 16), *range(18, 24)]
    assert [trial.number for trial in study.history.trials] == [*range(10), 16, 17]
    assert all(one.state is TrialState.COMPLETED for one in study.repetitions)


def test_a_failing_repetition_costs_nothing_but_itself(study: Study) -> None:
    run(study, function=Noisy(fail=[11, 14, 12]))
    chosen = [trial.number for trial in choose(study.history, 2)]
    found = confirmed(study)
    assert [(one.runs, one.failed) for one in found.values()] == [
        {0: (2, 0), chosen[0]: (0, 2), chosen[1]: (1, 1)}[number] for number in sorted([0, *chosen])
    ]
    assert found[chosen[0]].p_beats is None
    assert found[chosen[1]].p_beats is not None
    assert len(study.history.failed) == 0


class Beside:
    """Measures the batch that it is given, breaking for some."""

    def __init__(self, broken: Sequence[int] = ()) -> None:
        self.broken, self.batches = broken, list[list[int]]()

    def measure_batch(
        self, trained: Sequence[Trained], control: Trained | None
    ) -> Iterator[tuple[int, Mapping[str, Any] | Exception]]:
        self.batches.append([one.number for one in trained])
        for one in trained:
            lost = ConnectionError("the device is gone")
            yield one.number, lost if one.number in self.broken else {"latency": 2.0 + one.number % 2}


def test_all_repetitions_are_measured_in_one_batch(study: Study) -> None:
    measurement = Beside(broken=[13])
    run(study, measurement=measurement)
    assert measurement.batches[-1] == list(range(10, 16))
    assert study[13].state is TrialState.UNMEASURED
    again = Beside()
    run(study, measurement=again, function=Noisy(fail=range(99)))
    assert again.batches == [[13]]
    assert {one.state for one in study.repetitions} == {TrialState.COMPLETED}


def test_more_than_there_is_are_all(study: Study) -> None:
    run(study, replace(PLAN, confirm=50, repetitions=1))
    assert sorted(one.repeats or 0 for one in study.repetitions) == list(range(10))
    chosen = choose(study.history, 50)
    assert study.history.trials[0] not in chosen


def test_what_may_beat_the_reference_comes_first_and_the_front_before_others(study: Study) -> None:
    run(study, replace(PLAN, confirm=0))
    found = beliefs(study.history)
    assert found is not None
    front = {trial.number for trial in study.history.front}
    order = [
        (found.p_beats[trial.number] >= 0.05, trial.number in front) for trial in choose(study.history, 50)
    ]
    assert order == sorted(order, reverse=True)
    assert len(set(order)) > 2


def test_where_nothing_tells_the_chances_the_front_comes_first(study: Study) -> None:
    run(study, replace(PLAN, confirm=0), reference=False)
    front = [trial in study.history.front for trial in choose(study.history, 50)]
    assert front == sorted(front, reverse=True)
    assert set(front) == {True, False}


@pytest.mark.parametrize("reference", [True, False])
@pytest.mark.parametrize("names", [["accuracy"], ["accuracy", "latency", "size"]])
@pytest.mark.parametrize("constraints", [(), ("latency <= 2",)])
def test_any_number_of_objectives_and_constraints(
    space: Space, reference: bool, names: list[str], constraints: tuple[str, ...]
) -> None:
    directions = {"accuracy": "maximize", "latency": "minimize", "size": "minimize"}
    study = Study(space, Goals.of({name: directions[name] for name in names}, constraints))

    def function(point: Point, number: int) -> Mapping[str, float]:
        found = Noisy()(point, number)
        return {**found, "size": found["latency"] + float(point["x"])}  # type: ignore[arg-type]

    run(study, replace(PLAN, seed_key=None), function, reference=reference)
    found = confirmed(study)
    assert len(found) == 2 + reference
    for number, one in found.items():
        assert (one.p_beats is None) == (number == 0 or not reference)
        assert one.runs == 2
        assert "seed" not in study.repetitions[0].point
        if number:
            assert study[number] in study.history.candidates


def test_without_a_result_there_is_nothing_to_confirm(study: Study) -> None:
    constrained = Study(study.space, Goals.of({"accuracy": "maximize"}, ["latency <= 0"]))
    run(constrained)
    assert constrained.repetitions == []


def test_a_trial_of_a_cluster_is_chosen_once(study: Study, fill: Fill) -> None:
    """Of trials that cannot be told apart the one counts that adds more to what is chosen already."""
    point = {"x": 0.7, "lr": 1e-3, "layers": 6, "width": 128, "heads": 4, "act": "gelu"}
    near = [{**point, "x": 0.7 + step} for step in (0.0, 1e-4)]
    small = [{**point, "width": 16, "layers": 1}]
    fill(study, [*near, *small])
    assert study.history.trials[2] in choose(study.history, 2)


def test_everybody_is_told(study: Study) -> None:
    class Told(Quiet):
        confirmed: tuple[Trial, ...] = ()
        ended = 0

        def confirming(self, repetitions: Sequence[Trial]) -> None:
            self.confirmed = tuple(repetitions)

        def changed(self, trial: Trial) -> None:
            self.ended += trial.repeats is not None

    told = Told()
    run(study, events=told)
    assert (len(told.confirmed), told.ended) == (6, 6)


def test_outcomes_of_an_earlier_process_are_taken(study: Study) -> None:
    class Remembers(MemoryExecutor):
        def find(self, number: int) -> Outcome | None:
            return Outcome({"accuracy": 5.0, "latency": 1.0}) if number == 11 else None

    with pytest.raises(KeyboardInterrupt):
        run(study, function=Noisy(cut=11))
    executor = Remembers(Noisy(), study.goals.names)
    Loop(study, SobolStrategy(), executor, PLAN).run()
    assert study[11].values == (5.0, 1.0)


@pytest.mark.parametrize("settings", [{"confirm": -1}, {"repetitions": 0}])
def test_settings_out_of_range_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(SettingsError, match="is out of range"):
        Plan(**settings)  # type: ignore[arg-type]
