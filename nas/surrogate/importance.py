"""Which inputs an objective depends on: the share of its variance that each explains (Sobol indices).

The indices are those of functions drawn from the posterior. So their spread holds all that is not known: the
hyperparameters (each draw has a member's), the function between the observations, and the estimate itself
(draws are split over several scrambled Sobol sequences).

References:
    Saltelli et al., "Variance Based Sensitivity Analysis of Model Output", Computer Physics Communications
    2010: the design and both estimators (the total one is Jansen's).
    Le Gratiet, Cannamela, Iooss, "A Bayesian Approach for Global Sensitivity Analysis of (Multifidelity)
    Computer Codes", SIAM/ASA Journal on Uncertainty Quantification 2014: draws instead of the mean.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats

from nas.surrogate.errors import SurrogateError
from nas.surrogate.paths import Paths, draw_paths
from nas.surrogate.posterior import Posterior

Array = NDArray[np.float64]

# Functions drawn for each objective; evenly over so many sequences of so many points.
DRAWS = 64
SEQUENCES = 8
POINTS = 256

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Estimate:
    """Some quantities, each with its central 90 % interval.

    Attributes:
        median: `k` medians.
        lower: `k` 5 % quantiles.
        upper: `k` 95 % quantiles.
    """

    median: Array
    lower: Array
    upper: Array

    def __len__(self) -> int:
        return len(self.median)

    def take(self, indices: Sequence[int]) -> "Estimate":
        """Some of them, in that order."""
        chosen = list(indices)
        return Estimate(self.median[chosen], self.lower[chosen], self.upper[chosen])

    def times(self, factor: float) -> "Estimate":
        """All of them in another unit, or in the other direction."""
        ends = np.sort([factor * self.lower, factor * self.upper], axis=0)
        return Estimate(factor * self.median, ends[0], ends[1])

    def rows(self) -> list[tuple[float, float, float]]:
        """The median and the interval's ends of each."""
        return list(zip(self.median.tolist(), self.lower.tolist(), self.upper.tolist(), strict=True))


@dataclass(frozen=True)
class Importance:
    """How much each of p inputs matters for one objective, as shares of its variance, in [0, 1].

    Attributes:
        first: First-order indices: what an input explains by itself.
        total: Total indices: what an input explains by itself and together with others; about 0 where the
            objective does not depend on it.
    """

    first: Estimate
    total: Estimate


def importances(
    posterior: Posterior, encode: Callable[[Array], Array], inputs: int, *, seed: int, draws: int = DRAWS
) -> list[Importance]:
    """Estimates the Sobol indices of every objective.

    Args:
        posterior: Of a surrogate's fit.
        encode: Maps `b x p` independent uniform numbers in [0, 1], one an input, to `b x d` places in the
            unit cube. So an input may have several columns or few values.
        inputs: p, the number of inputs.
        seed: Of the draws and the points.
        draws: Functions drawn for each objective, at least: as many as there are members.

    Returns:
        One result an objective.

    Raises:
        SurrogateError: If `encode` has another number of columns than the posterior.
    """
    if encode(np.full((1, inputs), 0.5)).shape[1] != posterior.members[0].X.shape[1]:
        raise SurrogateError("The model has other columns than the inputs; use the space it was fitted in.")
    rng = np.random.default_rng(seed)
    members = [one.repeated(draws) for one in posterior.members]
    began = time.perf_counter()
    parts = []
    for sequence in range(SEQUENCES):
        paths = [draw_paths(one.take(torch.arange(sequence, len(one), SEQUENCES)), rng) for one in members]
        parts.append(_one_sequence(paths, encode, inputs, rng))
        if sequence == 0:
            seconds = (SEQUENCES - 1) * (time.perf_counter() - began)
            logger.info("Estimating Sobol indices from %d draws: about %.0f s.", draws, seconds)
    return [
        Importance(*(estimate(np.concatenate(part)) for part in zip(*column, strict=True)))
        for column in zip(*parts, strict=True)
    ]


def _one_sequence(
    paths: Sequence[Paths], encode: Callable[[Array], Array], inputs: int, rng: np.random.Generator
) -> list[tuple[Array, Array]]:
    """First-order and total indices of each column's draws, all from the same points."""

    def evaluate(uniform: Array) -> Array:
        X = torch.from_numpy(encode(uniform))
        values: Array = torch.cat([one(X) for one in paths]).numpy()
        return values

    first, total = sobol_indices(evaluate, inputs, POINTS, rng)
    ends = np.cumsum([len(one.members) for one in paths])[:-1]
    return list(zip(np.split(first, ends), np.split(total, ends), strict=True))


def sobol_indices(
    evaluate: Callable[[Array], Array], inputs: int, points: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Estimates first-order and total indices of s functions.

    Args:
        evaluate: Maps `b x p` uniform numbers in [0, 1] to `s x b` values.
        inputs: p.
        points: Of the scrambled Sobol sequence, a power of two; `points * (p + 2)` values are asked for.
        rng: Source of the scrambling.

    Returns:
        Both `s x p`. They are shares, so what the estimators put outside [0, 1] is moved to its end; those of
        a constant are 0.
    """
    uniform: Any = stats.uniform()  # scipy-stubs' two types of ppf do not agree
    found = stats.sobol_indices(func=lambda x: evaluate(x.T), n=points, dists=[uniform] * inputs, rng=rng)
    first, total = (
        np.clip(index, 0.0, 1.0).reshape(-1, inputs) for index in (found.first_order, found.total_order)
    )
    return first, total


def estimate(draws: Array) -> Estimate:
    """The median and the central 90 % interval of `s x k` draws."""
    lower, median, upper = np.quantile(draws, [0.05, 0.5, 0.95], axis=0)
    return Estimate(median, lower, upper)
