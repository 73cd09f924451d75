"""Something to optimise without Hydra: problems, and whole optimisations in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from nas.execution.loop import Events, Loop, Plan
from nas.execution.memory import MemoryExecutor
from nas.space import Point, Space
from nas.strategy import Strategy
from nas.study import Goals, History, Study


class Problem(Protocol):
    """A function of points, with what a search is after."""

    @property
    def space(self) -> Space:
        """Its parameters."""

    @property
    def goals(self) -> Goals:
        """Which of its metrics are objectives and constraints."""

    @property
    def reference(self) -> Point | None:
        """The point that its objectives are normalised by, and the first trial; None: there is none."""

    def evaluate(self, point: Point, rng: np.random.Generator) -> Mapping[str, Any]:
        """The metrics of a point, noise included.

        Args:
            point: Parameter values.
            rng: Source of the noise.

        Raises:
            Exception: Any; the trial has failed.
        """


def optimise(
    problem: Problem,
    strategy: Strategy,
    plan: Plan | None = None,
    *,
    budget: int | None = None,
    seed: int | None = None,
    first: Strategy | None = None,
    events: Events | None = None,
    reference_point: Sequence[float] | None = None,
) -> History:
    """Optimises a problem in memory.

    Args:
        problem: What to optimise.
        strategy: What proposes after the first round.
        plan: Sizes of the rounds and the rest.
        budget: Trials in all; None: the plan's.
        seed: Of the search and of the problem's noise; None: the plan's.
        first: What proposes the first round; None: a Sobol sequence.
        events: Who is told how it goes.
        reference_point: The hypervolume's reference point, in the objectives' own units and directions;
            None: the reference's result.

    Returns:
        All trials.

    Raises:
        NasError: If it cannot go on, such as when too many trials fail.
    """
    plan = plan or Plan()
    plan = replace(
        plan, budget=plan.budget if budget is None else budget, seed=plan.seed if seed is None else seed
    )
    fixed = None if reference_point is None else tuple(map(float, reference_point))
    study = Study(problem.space, problem.goals, fixed_reference=fixed)

    def evaluate(point: Point, number: int) -> Mapping[str, Any]:
        # A trial's noise is its own, whatever the order of evaluation.
        return problem.evaluate(point, np.random.default_rng((plan.seed, number)))

    executor = MemoryExecutor(evaluate, problem.goals.names)
    Loop(study, strategy, executor, plan, reference=problem.reference, first=first, events=events).run()
    return study.history
