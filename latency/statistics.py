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
Array = np.ndarray[tuple[int], np.dtype[np.float64]]
Indices = np.ndarray[tuple[int, int], np.dtype[np.int64]]
Samples = Sequence[float] | Array

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


def percentile(samples: Samples, percent: float) -> float:
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
    return float(np.partition(np.asarray(samples), rank - 1)[rank - 1])


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


def early_stopping_estimate(
    samples: Sequence[float], percent: float, confidence: float = 0.99
) -> float | None:
    """An upper estimate of a percentile that holds with the given confidence for independent samples.

    Source: MLPerf Inference rules, early stopping, with tolerance 0: let `t` be the largest number with
    P(Bin(n, 1 - percent / 100) <= t) <= 1 - confidence; the `t - 1` largest samples are set aside and the
    largest of the others is the estimate.

    Returns:
        The estimate, or None where `n` is too small (p99 at 99 %: fewer than 662).
    """
    count = len(samples)
    above = 1 - float(Fraction(str(percent)) / 100)
    # ppf is the smallest k with cdf(k) >= 1 - confidence; where it is not met exactly, the one below is the
    # largest.
    largest = int(stats.binom.ppf(1 - confidence, count, above))
    if stats.binom.cdf(largest, count, above) > 1 - confidence:
        largest -= 1
    return float(np.sort(np.asarray(samples))[count - largest]) if largest >= 1 else None


BATCHES = 20
"""Batches into which runs are divided to see how much they depend on each other; few, so that each is long.
"""


def effective_count(blocks: Sequence[Sequence[float]], percent: float) -> float:
    """Number of independent samples that tell as much about a percentile as these dependent runs do.

    Neighbouring runs of a process resemble each other (clock frequency, temperature, caches). The runs are
    cut into batches; if exceedances of a threshold were independent, their number per batch would have the
    binomial variance. The ratio of the observed to that variance says how many runs are worth one (the
    method of batch means; Law, Simulation Modeling and Analysis, section 9.5). Thresholds are the percentile
    itself and p90, whose more frequent exceedances show the dependence more reliably; the larger ratio
    counts, and one below 1 counts as 1.

    Args:
        blocks: runs of each process, in the order in which they were run.
        percent: the percentile.

    Returns:
        At most the number of runs.
    """
    pooled = [value for block in blocks for value in block]
    length = max(1, len(pooled) // BATCHES)
    batches = [
        np.asarray(block[start : start + length])
        for block in blocks
        for start in range(0, len(block) - length + 1, length)
    ]
    ratios = [1.0]
    for threshold in (percentile(pooled, percent), percentile(pooled, 90)):
        exceedances = np.array([np.count_nonzero(batch > threshold) for batch in batches])
        share = float(np.mean(np.asarray(pooled) > threshold))
        if len(batches) > 1 and 0 < share < 1:
            ratios.append(float(np.var(exceedances, ddof=1)) / (length * share * (1 - share)))
    return len(pooled) / max(ratios)


def dependent_interval(
    blocks: Sequence[Sequence[float]], percent: float, level: float = 0.95
) -> Interval | None:
    """Confidence interval of a percentile for runs that may depend on their predecessors.

    Wilson's score interval for a share, at the effective number of runs and with Student's quantile for the
    batches that it was estimated from, read off the order statistics.

    Args:
        blocks: runs of each process, in the order in which they were run.
        percent: the percentile.
        level: confidence level.

    Returns:
        The interval, or None where the runs reach less far than its upper end.
    """
    ordered = np.sort(np.concatenate([np.asarray(block, dtype=float) for block in blocks]))
    count, effective = len(ordered), effective_count(blocks, percent)
    square = float(stats.t.ppf((1 + level) / 2, BATCHES - 1)) ** 2
    above = 1 - float(Fraction(str(percent)) / 100)
    centre = (above + square / (2 * effective)) / (1 + square / effective)
    half = math.sqrt(square * (above * (1 - above) / effective + square / (4 * effective**2)))
    half /= 1 + square / effective
    lower = math.floor(count * (1 - centre - half))
    upper = math.ceil(count * (1 - centre + half)) + 1
    if upper > count:
        return None
    return Interval(float(ordered[max(lower, 1) - 1]), float(ordered[upper - 1]))


def bootstrap_difference(
    first: Sequence[Sequence[float]],
    second: Sequence[Sequence[float]],
    percent: float,
    *,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> Interval:
    """Confidence interval of `percentile(second) - percentile(first)` by a two-level block bootstrap.

    Each draw takes processes with replacement and, within each, stretches of successive runs (circular block
    bootstrap; Politis and Romano, 1992), so both the difference between processes and the dependence within
    one are kept.

    Args:
        first: runs of each process of one artifact, in order.
        second: the same of the other.
        percent: the percentile to compare.
        level: confidence level.
        draws: number of resamples.
        seed: of the resampling.
    """
    generator = np.random.default_rng(seed)
    drawn = []
    for blocks in (first, second):
        chosen = generator.integers(len(blocks), size=(draws, len(blocks)))
        drawn.append(_resampled_percentiles(blocks, percent, chosen, generator))
    low, high = np.quantile(drawn[1] - drawn[0], [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


@dataclass(frozen=True)
class Ratio:
    """A ratio of two percentiles and its confidence interval; no unit."""

    value: float
    interval: Interval


def bootstrap_ratio(
    measured: Sequence[Sequence[float]],
    control: Sequence[Sequence[float]],
    percent: float,
    *,
    level: float = 0.95,
    draws: int = 1000,
    seed: int = 0,
) -> Ratio:
    """`percentile(measured) / percentile(control)` of artifacts measured in turns, by a block bootstrap.

    The two are resampled as `bootstrap_difference` does, but turns are drawn for both at once: a turn in
    which the machine was slow for both changes neither their ratio nor its interval.

    Args:
        measured: runs of each process, in order; the i-th process belongs to the i-th turn.
        control: the same of the control; as many processes.
        percent: the percentile to compare.
        level: confidence level.
        draws: number of resamples.
        seed: of the resampling.
    """
    generator = np.random.default_rng(seed)
    turns = generator.integers(len(measured), size=(draws, len(measured)))
    drawn = [_resampled_percentiles(blocks, percent, turns, generator) for blocks in (measured, control)]
    low, high = np.quantile(drawn[0] / drawn[1], [(1 - level) / 2, (1 + level) / 2])
    pooled = [[run for block in blocks for run in block] for blocks in (measured, control)]
    value = percentile(pooled[0], percent) / percentile(pooled[1], percent)
    return Ratio(value, Interval(float(low), float(high)))


def _resampled_percentiles(
    blocks: Sequence[Sequence[float]], percent: float, chosen: Indices, generator: np.random.Generator
) -> Array:
    """The percentile of each resample.

    Args:
        blocks: runs of each process, in order.
        percent: the percentile.
        chosen: `draws x len(blocks)` processes to resample from.
        generator: draws the stretches within the processes.
    """
    length = max(1, sum(map(len, blocks)) // BATCHES)
    arrays = [np.asarray(block, dtype=float) for block in blocks]
    found = np.empty(len(chosen))
    for draw, row in enumerate(chosen):
        parts = []
        for array in (arrays[process] for process in row):
            starts = generator.integers(len(array), size=math.ceil(len(array) / length))
            positions = (starts[:, None] + np.arange(length)).ravel()[: len(array)] % len(array)
            parts.append(array[positions])
        found[draw] = percentile(np.concatenate(parts), percent)
    return found
