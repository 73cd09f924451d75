import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.signal import lfilter

from latency.statistics import (
    Outliers,
    bootstrap_difference,
    bootstrap_ratio,
    classify_outliers,
    dependent_interval,
    early_stopping_estimate,
    effective_count,
    interval_ranks,
    percentile,
    percentile_interval,
)

Stream = Callable[[np.random.Generator], tuple[list[list[float]], float]]

samples = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=200)
percents = st.sampled_from([0.1, 1, 7, 25, 50, 90, 95, 99, 99.9, 100])


@given(samples, percents)
def test_percentile_is_the_smallest_sample_that_enough_runs_do_not_exceed(
    values: list[float], percent: float
) -> None:
    found = percentile(values, percent)
    assert found in values
    # Counts times a thousand are integers for every percentage here, so nothing is rounded.
    enough = round(percent * 10) * len(values)
    assert sum(v <= found for v in values) * 1000 >= enough
    assert sum(v < found for v in values) * 1000 < enough


@given(samples, percents)
def test_percentile_agrees_with_numpy_inverted_cdf_up_to_its_rounding(
    values: list[float], percent: float
) -> None:
    ordered = sorted(values)
    rank = ordered.index(percentile(values, percent))
    theirs = ordered.index(float(np.quantile(values, percent / 100, method="inverted_cdf")))
    assert abs(ordered[rank] - ordered[theirs]) == 0 or abs(rank - theirs) <= ordered.count(ordered[rank])


def test_percentile_refuses_nonsense() -> None:
    with pytest.raises(ValueError, match="at least one sample"):
        percentile([], 50)
    with pytest.raises(ValueError, match="above 0"):
        percentile([1.0], 0)


@pytest.mark.parametrize(
    ("count", "ranks"),
    [(367, None), (368, (360, 368)), (1000, (983, 997)), (2000, (1971, 1989)), (5000, (4936, 4964))],
)
def test_p99_ranks_are_the_published_ones(count: int, ranks: tuple[int, int] | None) -> None:
    assert interval_ranks(count, 99) == ranks


@given(st.integers(1, 3000), st.sampled_from([50, 90, 99, 99.9]), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_interval_ranks_cover_and_are_as_narrow_as_equal_tails_allow(
    count: int, percent: float, level: float
) -> None:
    ranks = interval_ranks(count, percent, level)
    below = stats.binom(count, percent / 100)
    tail = (1 - level) / 2
    if ranks is None:
        # Not even the extremes hold: either all or none of the samples lie below too often.
        assert below.pmf(count) > tail or below.pmf(0) > tail
        return
    lower, upper = ranks
    assert 1 <= lower <= upper <= count
    assert below.cdf(lower - 1) <= tail + 1e-12
    assert below.sf(upper - 1) <= tail + 1e-12
    assert below.cdf(lower) > tail - 1e-12
    assert below.sf(upper - 2) > tail - 1e-12


def test_interval_encloses_the_percentile_and_scales_with_the_samples() -> None:
    values = list(np.random.default_rng(0).lognormal(size=1000))
    interval = percentile_interval(values, 99)
    assert interval is not None
    assert interval.low <= percentile(values, 99) <= interval.high
    doubled = percentile_interval([2 * v for v in values], 99)
    assert doubled is not None
    assert doubled.standard_error() == pytest.approx(2 * interval.standard_error())


def test_standard_error_of_a_normal_interval_is_its_deviation() -> None:
    interval = percentile_interval(list(stats.norm.ppf((np.arange(100_000) + 0.5) / 100_000)), 50)
    assert interval is not None
    # The median of n standard normal samples has standard deviation sqrt(pi / 2n).
    assert interval.standard_error() == pytest.approx(math.sqrt(math.pi / 200_000), rel=0.02)


def test_outliers_are_classified_by_tukeys_fences() -> None:
    core = [float(v) for v in range(1, 101)]  # quartiles 25 and 75: fences at -50, -125, 150, 225
    assert classify_outliers(core) == Outliers(0, 0, 0, 0)
    assert classify_outliers([*core, 160.0, 300.0, -60.0, -200.0]) == Outliers(1, 1, 1, 1)


@pytest.mark.parametrize(("count", "above"), [(661, None), (662, 0), (838, 1), (1307, 4), (2010, 9)])
def test_early_stopping_sets_aside_what_mlperf_sets_aside(count: int, above: int | None) -> None:
    estimate = early_stopping_estimate(list(range(count)), 99)
    assert (None if estimate is None else count - 1 - estimate) == above


def autoregressive(count: int, persistence: float, generator: np.random.Generator) -> np.ndarray:
    """Standard normal values, each correlated with the one before by `persistence`."""
    innovations = generator.normal(size=count) * math.sqrt(1 - persistence**2)
    innovations[0] = generator.normal()
    return lfilter([1.0], [1.0, -persistence], innovations)


def test_effective_count_sees_dependence_and_nothing_where_there_is_none() -> None:
    generator = np.random.default_rng(0)
    independent = [list(generator.normal(size=500)) for _ in range(4)]
    dependent = [list(autoregressive(500, 0.9, generator)) for _ in range(4)]
    assert effective_count(independent, 90) > 1000
    # Runs with this persistence are worth (1 - 0.9) / (1 + 0.9) as many for their mean.
    assert effective_count(dependent, 90) < 500


def lognormal(generator: np.random.Generator) -> tuple[list[list[float]], float]:
    return list(generator.lognormal(0, 0.3, size=(4, 500))), math.exp(0.3 * stats.norm.ppf(0.99))


def bimodal(generator: np.random.Generator) -> tuple[list[list[float]], float]:
    """5 % of the runs wait for something, so the p99 is the 80th percentile of those."""
    waits = generator.random((4, 500)) < 0.05
    values = np.where(waits, generator.uniform(5, 6, (4, 500)), generator.uniform(1, 2, (4, 500)))
    return list(values), 5.8


def drifting(generator: np.random.Generator) -> tuple[list[list[float]], float]:
    values = [np.exp(0.3 * autoregressive(500, 0.9, generator)) for _ in range(4)]
    return values, math.exp(0.3 * stats.norm.ppf(0.99))


@pytest.mark.parametrize("stream", [lognormal, bimodal])
def test_interval_covers_as_often_as_it_says(stream: Stream) -> None:
    generator = np.random.default_rng(1)
    covered = 0
    for _ in range(1000):
        blocks, truth = stream(generator)
        interval = percentile_interval(np.concatenate(blocks), 99)
        covered += interval is not None and interval.low <= truth <= interval.high
    assert 930 <= covered <= 970


@pytest.mark.parametrize("stream", [lognormal, bimodal, drifting])
def test_dependent_interval_keeps_its_level_under_autocorrelation(stream: Stream) -> None:
    generator = np.random.default_rng(2)
    covered = 0
    for _ in range(1000):
        blocks, truth = stream(generator)
        interval = dependent_interval(blocks, 99)
        covered += interval is None or interval.low <= truth <= interval.high
    assert covered >= 900


def test_dependent_interval_needs_enough_runs() -> None:
    assert dependent_interval([list(np.linspace(1, 2, 100))], 99) is None


def test_bootstrap_difference_of_shifted_runs_is_the_shift() -> None:
    blocks = list(np.random.default_rng(3).lognormal(size=(4, 500)))
    interval = bootstrap_difference(blocks, [block + 10 for block in blocks], 90, draws=300)
    assert interval.low < 10 < interval.high
    assert interval.high - interval.low < 2


def test_bootstrap_rarely_tells_equal_streams_apart() -> None:
    generator = np.random.default_rng(4)
    alarms = 0
    for _ in range(40):
        interval = bootstrap_difference(drifting(generator)[0], drifting(generator)[0], 99, draws=200)
        alarms += not interval.low <= 0 <= interval.high
    assert alarms <= 4


@pytest.mark.parametrize("stream", [lognormal, bimodal, drifting])
def test_bootstrap_ratio_covers_as_often_as_it_says(stream: Stream) -> None:
    """Of two artifacts, one 1.7 times as slow, on a machine whose speed changes from turn to turn."""
    generator = np.random.default_rng(5)
    covered = 0
    for _ in range(100):
        speed = np.exp(0.2 * generator.normal(size=4))
        measured, control = (
            [factor * np.asarray(block) for factor, block in zip(speed, stream(generator)[0], strict=True)]
            for _ in range(2)
        )
        ratio = bootstrap_ratio([1.7 * block for block in measured], control, 99, draws=200)
        covered += ratio.interval.low <= 1.7 <= ratio.interval.high
    assert covered >= 90


@given(st.floats(0.01, 100), st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_bootstrap_ratio_has_no_unit_and_an_artifact_is_its_own_equal(scale: float, seed: int) -> None:
    blocks, _ = lognormal(np.random.default_rng(seed))
    same = bootstrap_ratio(blocks, blocks, 99, draws=100)
    assert same.value == 1
    assert same.interval.low <= 1 <= same.interval.high
    scaled = [scale * np.asarray(block) for block in blocks]
    for first, second, expected in ((scaled, scaled, 1.0), (scaled, blocks, scale)):
        ratio = bootstrap_ratio(first, second, 99, draws=100)
        assert ratio.value == pytest.approx(expected)
        assert ratio.interval.high == pytest.approx(expected * same.interval.high)


def test_bootstrap_ratio_pairs_the_turns() -> None:
    generator = np.random.default_rng(6)
    blocks = [generator.lognormal(0, 0.01, 500) for _ in range(4)]
    speed = [1, 3, 2, 5]
    measured = [2 * factor * block for factor, block in zip(speed, blocks, strict=True)]
    control = [factor * block for factor, block in zip(speed, blocks, strict=True)]
    interval = bootstrap_ratio(measured, control, 99, draws=200).interval
    assert interval.high - interval.low < 0.05
