"""What repetitions say, against the textbook and against simulation."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from scipy import stats

from nas.confirmed import confirmed
from nas.space import FloatParameter, Space
from nas.study import Goals, Proposal, Study, Suggestion

SPACE = Space((FloatParameter("a", 0.0, 1.0),))
Runs = Mapping[int, Sequence[Mapping[str, float]]]


def make(goals: Goals, *confirmations: Runs, reference: bool = True) -> Study:
    """A search of three trials whose confirmations give these results; the first trial is the reference."""
    study = Study(SPACE, goals)
    origins = ["reference" if reference else "sobol", "sobol", "sobol"]
    points = [{"a": place / 10} for place in range(3)]
    for trial in study.add(Suggestion(tuple(map(Proposal, points, origins)))):
        # Results that are too good to be true, and must not count.
        study.complete(trial.number, dict.fromkeys(goals.metrics, 1e3 * trial.number), seconds=1.0)
    for runs in confirmations:
        results = [(number, metrics) for number, each in runs.items() for metrics in each]
        added = study.repeat([(number, {"a": 0.0}) for number, _ in results], {})
        for trial, (_, metrics) in zip(added, results, strict=True):
            study.complete(trial.number, metrics, seconds=1.0)
    return study


def values(name: str, *found: float) -> list[dict[str, float]]:
    return [{name: value} for value in found]


def test_it_is_the_pooled_t_test() -> None:
    runs = {0: (1.0, 1.4, 1.1), 1: (1.9, 1.5, 2.0)}
    study = make(Goals.of({"gain": "maximize"}), {n: values("gain", *found) for n, found in runs.items()})
    found = confirmed(study)
    assert found[1].p_beats == pytest.approx(
        1 - stats.ttest_ind(runs[1], runs[0], alternative="greater").pvalue
    )
    assert found[0].p_beats is None
    assert found[1].means == pytest.approx((1.8,))
    # Three models would pool their variance.
    third = {**{n: values("gain", *found) for n, found in runs.items()}, 2: values("gain", 0.0, 9.0, 5.0)}
    pooled = confirmed(make(Goals.of({"gain": "maximize"}), third))
    assert (pooled[1].p_beats or 0) < (found[1].p_beats or 0)
    deviation = math.sqrt(np.mean([np.var(x, ddof=1) for x in (*runs.values(), (0.0, 9.0, 5.0))]))
    assert pooled[1].reach[0] == pytest.approx(stats.t.ppf(0.975, 6) * deviation / math.sqrt(3))


def test_confirmations_are_blocks() -> None:
    """What one of them has in common, such as a slower machine, does not count."""
    first = {0: values("cost", 5.0, 5.2), 1: values("cost", 4.0, 4.2)}
    later = {
        0: values("cost", 105.0, 105.2),
        2: values("cost", 104.8, 105.0),
        1: values("cost", 104.0, 104.2),
    }
    alone, both = (make(Goals.of({"cost": "minimize"}), *each) for each in ([first], [first, later]))
    assert 0.9 < (confirmed(alone)[1].p_beats or 0) < (confirmed(both)[1].p_beats or 0)
    assert confirmed(both)[1].runs == 4
    assert confirmed(both)[2].runs == 2


def test_objectives_and_constraints_multiply() -> None:
    goals = Goals.of({"gain": "maximize", "cost": "minimize"}, ["size <= 0.5 * reference", "size >= 1"])

    def runs(*rows: tuple[float, float, float]) -> list[dict[str, float]]:
        return [dict(zip(("gain", "cost", "size"), row, strict=True)) for row in rows]

    study = make(
        goals, {0: runs((1.0, 3.0, 4.0), (1.2, 3.1, 4.2)), 1: runs((1.3, 3.0, 1.9), (1.4, 2.9, 2.1))}
    )
    s = {"gain": math.sqrt((0.02 + 0.005) / 2), "cost": math.sqrt(0.005), "size": math.sqrt(0.02)}
    expected = [
        stats.t.cdf(0.25 / s["gain"], 2),
        stats.t.cdf(0.1 / s["cost"], 2),
        stats.t.cdf((0.5 * 4.1 - 2.0) / (s["size"] * math.sqrt(0.5 + 0.25 * 0.5)), 2),
        stats.t.cdf((2.0 - 1.0) / (s["size"] * math.sqrt(0.5)), 2),
    ]
    assert confirmed(study)[1].p_beats == pytest.approx(math.prod(expected))


def test_the_measurements_own_error_is_a_floor() -> None:
    def runs(*found: float, error: float) -> list[dict[str, float]]:
        return [{"cost": value, "cost_se": error} for value in found]

    goals = Goals.of({"cost": "minimize"})
    lucky = make(goals, {n: runs(2.0 - n / 10, 2.0 - n / 10, error=0.2) for n in (0, 1)})
    deviation = 0.2 * math.sqrt(0.5 + 0.5)
    assert confirmed(lucky)[1].p_beats == pytest.approx(stats.t.cdf(0.1 / deviation, 2))
    # Of single runs it is all that is known.
    single = make(goals, {n: runs(2.0 - n / 10, error=0.2) for n in (0, 1)})
    assert confirmed(single)[1].p_beats == pytest.approx(stats.norm.cdf(0.1 / (0.2 * math.sqrt(2))))
    unknown = make(goals, {n: values("cost", 2.0 - n / 10) for n in (0, 1)})
    assert confirmed(unknown)[1].p_beats is None
    assert confirmed(unknown)[1].reach == (None,)


def test_without_noise_it_is_certain_and_equals_beat_nothing() -> None:
    goals = Goals.of({"gain": "maximize"})
    study = make(goals, {0: values("gain", 1, 1), 1: values("gain", 1, 1), 2: values("gain", 2, 2)})
    assert [one.p_beats for one in confirmed(study).values()] == [None, 0.0, 1.0]


def test_without_a_reference_there_is_nothing_to_beat() -> None:
    goals = Goals.of({"gain": "maximize"})
    study = make(goals, {1: values("gain", 1, 2)}, reference=False)
    assert confirmed(study)[1].p_beats is None
    assert confirmed(study)[1].means == (1.5,)


def test_it_is_calibrated() -> None:
    """Over models whose true advantage is as likely to be positive as negative."""
    rng = np.random.default_rng(0)
    goals, told, true = Goals.of({"gain": "maximize"}), [], []
    for _ in range(1500):
        levels = rng.normal(0, 3, 3)
        found = make(goals, {n: values("gain", *rng.normal(levels[n], 1, 2)) for n in range(3)})
        told.append(confirmed(found)[1].p_beats or 0.0)
        true.append(levels[1] > levels[0])
    for low, high in ((0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 1)):
        inside = (np.array(told) >= low) & (np.array(told) < high)
        error = 3 * 0.5 / math.sqrt(inside.sum())
        assert np.mean(np.array(true)[inside]) == pytest.approx(
            np.mean(np.array(told)[inside]), abs=error + 0.03
        )
