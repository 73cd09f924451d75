"""A search that is cut anywhere goes on to the very trials that it would have had."""

from pathlib import Path
from typing import Any

import pytest

from nas.execution.loop import Loop, Plan
from nas.execution.memory import MemoryExecutor
from nas.space import Point, Space
from nas.strategy import Strategy
from nas.strategy.bayesian import BayesianStrategy
from nas.strategy.optuna import OptunaStrategy
from nas.strategy.sobol import SobolStrategy
from nas.study import Goals, Study
from nas.study.store import Definition, StoredStudy, open_or_create
from nas.surrogate.saas import SaasSurrogate
from tests.nas.conftest import draw_points, evaluate

PLAN = Plan(budget=14, initial=6, batch_size=4, seed=3)


def strategy(name: str) -> Strategy:
    """A new object each time, as in a new process."""
    if name == "saas":
        quick = SaasSurrogate(warmup=32, warm_warmup=8, samples=32, thinning=8, max_tree_depth=3)
        return BayesianStrategy(quick)
    if name == "sobol":
        return SobolStrategy()
    options: dict[str, Any] = {"population_size": 4} if name == "NSGAIISampler" else {}
    return OptunaStrategy({"_target_": f"optuna.samplers.{name}", **options})


def run(study: Study, name: str, cut: int | None = None) -> None:
    """Runs a search until trial `cut` is about to be evaluated."""

    def function(point: Point, number: int) -> dict[str, float]:
        if number == cut:
            raise KeyboardInterrupt
        return evaluate(point)

    executor = MemoryExecutor(function, study.goals.names)
    reference = draw_points(study.space, 1, seed=9)[0]
    Loop(study, strategy(name), executor, PLAN, reference=reference).run()


def opened(folder: Path, space: Space, goals: Goals) -> StoredStudy:
    definition = Definition(space.describe(), goals.describe(), None, {"seed": PLAN.seed})
    return open_or_create(folder, definition, None, None, accept_changes=False)


@pytest.mark.parametrize(
    ("name", "cuts"),
    [("saas", (3, 8, 12)), ("sobol", (0, 7)), ("TPESampler", (5, 11)), ("NSGAIISampler", (9, 10))],
)
def test_it_goes_on_to_the_same_trials(
    name: str, cuts: tuple[int, ...], space: Space, goals: Goals, tmp_path: Path
) -> None:
    whole = Study(space, goals)
    run(whole, name)
    for cut in cuts:
        study = opened(tmp_path, space, goals)
        with pytest.raises(KeyboardInterrupt):
            run(study, name, cut)
    study = opened(tmp_path, space, goals)
    run(study, name)
    assert study.history.trials == whole.history.trials
    # A fit that starts warm does so from what the last one left, whichever process that was.
    assert [[one["warm"] for one in found] for found in study.diagnostics.values()] == [
        [one["warm"] for one in found] for found in whole.diagnostics.values()
    ]
