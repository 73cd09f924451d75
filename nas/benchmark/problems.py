"""Synthetic problems: 24 parameters, two objectives, noise that only the optimiser sees."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from nas.benchmark.nlu24 import NLU24
from nas.benchmark.simulated import PARAMETERS, REFERENCE, accuracy, latency
from nas.problem import Problem
from nas.space import FloatParameter, Point, Space
from nas.space.syntax import parse_space
from nas.study import Goals, Metric

if TYPE_CHECKING:
    from botorch.test_functions.base import MultiObjectiveTestProblem

# Learning rates beyond this fail in `rough_search`: the upper fifth of their range.
FAILING_RATE = 10**-2.4
# Share of its other trials that diverge.
DIVERGED = 0.1
CUBE = [f"x{i:02d}" for i in range(24)]


class KnownProblem(Problem, Protocol):
    """A problem whose objectives are known without noise.

    A trial that ends in another way than by noise, and does not fail, has the metric `diverged`.
    """

    @property
    def reference_point(self) -> tuple[float, ...]:
        """The hypervolume's reference point, in the objectives' own units and directions."""

    def true(self, point: Point) -> Mapping[str, float]:
        """The objectives of a point, without noise."""


@dataclass(frozen=True)
class SyntheticProblem:
    """A `KnownProblem` of a function.

    Attributes:
        space: Its parameters.
        goals: Its objectives.
        true: The objectives of a point, without noise.
        reference_point: The hypervolume's reference point, in the objectives' own units and directions.
        noise: Standard deviations of the objectives' noise.
        reference: The reference model's point, the first trial; None: there is none.
        disturb: What happens to a point's noisy objectives besides; it may raise, and the trial fails, or add
            that it `diverged`. None: nothing.
    """

    space: Space
    goals: Goals
    true: Callable[[Point], Mapping[str, float]]
    reference_point: tuple[float, ...]
    noise: tuple[float, ...]
    reference: Point | None = None
    disturb: Callable[[Point, dict[str, Metric], np.random.Generator], dict[str, Metric]] | None = None

    def evaluate(self, point: Point, rng: np.random.Generator) -> dict[str, Metric]:
        """The objectives with noise; see `nas.problem.Problem.evaluate`."""
        true = self.true(point)
        values: dict[str, Metric] = {
            name: true[name] + deviation * rng.standard_normal()
            for name, deviation in zip(self.goals.names, self.noise, strict=True)
        }
        return values if self.disturb is None else self.disturb(point, values, rng)


def branin_currin() -> SyntheticProblem:
    """Branin and Currin (BoTorch's pair and reference point), two of 24 continuous parameters."""
    from botorch.test_functions.multi_objective import BraninCurrin

    return _embedded(BraninCurrin(), (3, 17), ("branin", "currin"), (18.0, 6.0), noise=0.0)


def dtlz2() -> SyntheticProblem:
    """DTLZ2 over six of 24 continuous parameters, with a little noise; the reference point is BoTorch's."""
    from botorch.test_functions.multi_objective import DTLZ2

    function = DTLZ2(dim=6, num_objectives=2)
    return _embedded(function, (0, 4, 9, 13, 18, 22), ("f1", "f2"), (1.1, 1.1), noise=0.01)


def simulated_search() -> SyntheticProblem:
    """A parser's accuracy and latency as smooth functions of its 24 hyperparameters, with noise.

    Both are ratios to the reference model's, so the reference point is (1, 1). Accuracy saturates in the
    model's size and has optima in the training's hyperparameters; latency adds up the layers' operations.
    """
    best, slowest = accuracy(REFERENCE), latency(REFERENCE)

    def true(point: Point) -> dict[str, float]:
        return {"accuracy": accuracy(point) / best, "latency": latency(point) / slowest}

    space, _ = parse_space(PARAMETERS, [])
    goals = Goals.of({"accuracy": "maximize", "latency": "minimize"})
    return SyntheticProblem(space, goals, true, (1.0, 1.0), (0.003, 0.01), REFERENCE)


def rough_search(*, fails: bool = True, diverges: bool = True) -> SyntheticProblem:
    """`simulated_search` as trainings are.

    Args:
        fails: Whether a fifth of the space fails.
        diverges: Whether one in ten of the other trials ends at an accuracy of 0.
    """

    def disturb(point: Point, values: dict[str, Metric], rng: np.random.Generator) -> dict[str, Metric]:
        if fails and float(cast(float, point["optim.lr"])) > FAILING_RATE:
            raise FloatingPointError("the loss is not finite.")
        if diverges and rng.random() < DIVERGED and point != REFERENCE:
            return values | {"accuracy": 0.0, "diverged": True}
        return values

    return replace(simulated_search(), disturb=disturb)


def nlu24() -> KnownProblem:
    """The surrogate of real trainings, see `nas.benchmark.nlu24`."""
    return NLU24()


PROBLEMS: dict[str, Callable[[], KnownProblem]] = {
    "branin_currin": branin_currin,
    "dtlz2": dtlz2,
    "simulated_search": simulated_search,
    "failing_search": partial(rough_search, diverges=False),
    "diverging_search": partial(rough_search, fails=False),
    "rough_search": rough_search,
    "nlu24": nlu24,
}


def _embedded(
    function: "MultiObjectiveTestProblem",
    columns: Sequence[int],
    names: Sequence[str],
    reference_point: tuple[float, ...],
    *,
    noise: float,
) -> SyntheticProblem:
    """A function to be minimised of some of the cube's columns."""
    import torch

    function = function.double()
    space = Space(tuple(FloatParameter(name, 0.0, 1.0) for name in CUBE))

    def true(point: Point) -> dict[str, float]:
        x = torch.tensor([[float(cast(float, point[CUBE[i]])) for i in columns]], dtype=torch.float64)
        return dict(zip(names, function(x)[0].tolist(), strict=True))

    goals = Goals.of(dict.fromkeys(names, "minimize"))
    return SyntheticProblem(space, goals, true, reference_point, (noise,) * len(names))
