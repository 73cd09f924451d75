"""Percentiles of latencies and what is known about them. No run is ever dropped.

A percentile here is an order statistic, the inverse of the empirical distribution function: the smallest
measured value that at least `percent` of the runs do not exceed. It is a latency that really occurred, not
an interpolation between two.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy import stats

PERCENTILE_METHOD = "order statistic (inverse of the empirical distribution function)"
INTERVAL_METHOD = (
    "distribution-free, order statistics by exact binomial probabilities, two-sided, equal tails"
)


@dataclass(frozen=True)
class Interval:
    """A confidence interval, in the unit of the samples."""

    low: float
    high: float

    def standard_error(self, level: float = 0.95) -> float:
        """Standard error of a normal variable whose interval of this level has this width."""
        return (self.high - self.low) / (2 * float(stats.norm.ppf((1 + level) / 2)))


def percentile(samples: Sequence[float], percent: float) -> float:
    """The `percent`-th percentile as an order statistic.

    Args:
        samples: `n` values, at least one, in any order.
        percent: more than 0, at most 100.

    Returns:
        The `ceil(n * percent / 100)`-th smallest sample.

    Raises:
        ValueError: there are no samples or `percent` is out of range.
    """
    if not len(samples) or not 0 < percent <= 100:
        raise ValueError("A percentile needs at least one sample and a percentage above 0 and up to 100.")
    # A fraction, since 0.07 * 100 is more than 7 in binary floating point and would give the next rank.
    rank = math.ceil(Fraction(str(percent)) / 100 * len(samples))
    return float(np.sort(np.asarray(samples))[rank - 1])


def interval_ranks(count: int, percent: float, level: float = 0.95) -> tuple[int, int] | None:
    """Ranks (from 1) of the order statistics that enclose the true percentile with at least this confidence.

    The number of samples below the true percentile is binomial whatever the distribution, so the ranks
    depend on `count`, `percent` and `level` alone (David and Nagaraja, Order Statistics, 2003, section 7.1).

    Returns:
        `(lower, upper)`, or None where `count` is too small for any interval (p99 at 95 %: fewer than 368).
    """
    share, tail = float(Fraction(str(percent)) / 100), (1 - level) / 2
    # lower: largest rank with P(B <= rank - 1) <= tail; upper: smallest rank with P(B >= rank) <= tail.
    lower = int(stats.binom.ppf(tail, count, share))
    if stats.binom.cdf(lower, count, share) <= tail:
        lower += 1
    upper = int(stats.binom.isf(tail, count, share)) + 1
    return (lower, upper) if lower >= 1 and upper <= count else None


def percentile_interval(samples: Sequence[float], percent: float, level: float = 0.95) -> Interval | None:
    """Distribution-free confidence interval of a percentile for independent samples; None where they are too
    few.
    """
    ranks = interval_ranks(len(samples), percent, level)
    if ranks is None:
        return None
    ordered = np.sort(np.asarray(samples))
    return Interval(float(ordered[ranks[0] - 1]), float(ordered[ranks[1] - 1]))


@dataclass(frozen=True)
class Outliers:
    """Counts of samples beyond Tukey's fences, 1.5 (mild) and 3 (severe) interquartile ranges off the
    quartiles.
    """

    low_severe: int
    low_mild: int
    high_mild: int
    high_severe: int


def classify_outliers(samples: Sequence[float]) -> Outliers:
    """Count outliers by Tukey's fences (Exploratory Data Analysis, 1977). They are counted, never dropped."""
    values = np.asarray(samples, dtype=float)
    lower, upper = percentile(samples, 25), percentile(samples, 75)
    spread = upper - lower
    mild_low, severe_low = lower - 1.5 * spread, lower - 3 * spread
    mild_high, severe_high = upper + 1.5 * spread, upper + 3 * spread
    return Outliers(
        low_severe=int(np.sum(values < severe_low)),
        low_mild=int(np.sum((values >= severe_low) & (values < mild_low))),
        high_mild=int(np.sum((values > mild_high) & (values <= severe_high))),
        high_severe=int(np.sum(values > severe_high)),
    )
