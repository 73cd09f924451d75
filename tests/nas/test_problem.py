from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nas
from nas import Goals, Plan, Search, Space, optimise, parse_space
from nas.errors import StudyError
from nas.space import Point
from nas.strategy.optuna import OptunaStrategy
from nas.strategy.sobol import SobolStrategy
from nas.study.store import Definition, open_or_create


class Curve:
    """A convex front over one parameter, with noise on request."""

    space: Space = parse_space({"x": "interval(0, 1)", "y": "interval(0, 1)"}, [])[0]
    goals = Goals.of({"gain": "maximize", "cost": "minimize"})

    def __init__(self, noise: float = 0.0) -> None:
        self.noise = noise
        self.reference: Point | None = {"x": 0.5, "y": 0.9}

    def evaluate(self, point: Point, rng: np.random.Generator) -> Mapping[str, Any]:
        x, y = float(point["x"]), float(point["y"])  # type: ignore[arg-type]
        return {"gain": np.sqrt(x) - y + self.noise * rng.standard_normal(), "cost": 0.1 + x + y}


def test_a_problem_is_optimised_in_memory_and_the_same_again() -> None:
    plan = Plan(initial=4, batch_size=4)
    first = optimise(Curve(0.1), SobolStrategy(), plan, budget=16, seed=3)
    again = optimise(Curve(0.1), SobolStrategy(), plan, budget=16, seed=3)
    assert first.trials == again.trials
    assert first.trials[0].point == Curve().reference
    assert len(first.completed) == 16
    other = optimise(Curve(0.1), SobolStrategy(), plan, budget=16, seed=4)
    assert other.trials[0].values != first.trials[0].values


def test_a_reference_point_can_be_given() -> None:
    history = optimise(
        Curve(), SobolStrategy(), Plan(initial=4, batch_size=4), budget=8, reference_point=(0.0, 2.0)
    )
    assert history.reference.tolist() == pytest.approx([0.0, -2.0 / history.units[1]])


def test_ask_and_tell_reaches_what_the_loop_reaches() -> None:
    problem = Curve()
    search = Search(
        problem.space, problem.goals, SobolStrategy(), reference=problem.reference, initial=4, seed=3
    )
    for count in (4, 4, 4):
        for trial in search.ask(count):
            search.tell(trial.number, problem.evaluate(trial.point, np.random.default_rng()))
    loop = optimise(problem, SobolStrategy(), Plan(initial=4, batch_size=4), budget=12, seed=3)
    assert [t.point for t in search.history.trials] == [t.point for t in loop.trials]
    assert search.front == search.history.front
    assert search.front


def test_a_trial_is_told_of_once() -> None:
    search = Search(Curve.space, Curve.goals, SobolStrategy())
    (trial,) = search.ask()
    assert search.tell(trial.number, ValueError("out of memory")).error == "ValueError: out of memory"
    with pytest.raises(StudyError, match="trial 0 is not waiting"):
        search.tell(0, {"gain": 1.0, "cost": 1.0})
    with pytest.raises(StudyError, match="trial 7 is not waiting"):
        search.tell(7, {})


def test_ask_and_tell_over_a_study_on_disk_goes_on(tmp_path: Path) -> None:
    problem = Curve()
    definition = Definition(problem.space.describe(), problem.goals.describe(), None, {"seed": 0})

    def search() -> Search:
        study = open_or_create(tmp_path, definition, None, None, accept_changes=False)
        strategy = OptunaStrategy({"_target_": "optuna.samplers.TPESampler"})
        return Search(problem.space, problem.goals, strategy, initial=4, study=study)

    first = search()
    for trial in first.ask(4):
        first.tell(trial.number, problem.evaluate(trial.point, np.random.default_rng()))
    asked = first.ask(2)
    again = search()
    assert again.history.trials == first.history.trials
    assert again.tell(asked[0].number, {"gain": 1.0, "cost": 1.0}).values == (1.0, 1.0)


def test_the_package_offers_what_it_lists() -> None:
    for name in nas.__all__:
        assert getattr(nas, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = nas.nothing
