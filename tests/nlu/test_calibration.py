import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlu.calibration import Calibration, log_odds
from nlu.metrics import calibration_error

SCORES = st.lists(st.floats(-50, 0), min_size=1, max_size=5).map(lambda scores: sorted(scores, reverse=True))


@given(SCORES, st.floats(0.01, 5), st.floats(-5, 5))
def test_probabilities_stay_ordered_and_below_one(
    scores: list[float], slope: float, intercept: float
) -> None:
    # Hypotheses of one utterance share a probability of 1.
    total = max(1.0, sum(map(math.exp, scores)))
    ranked = [([place], score - math.log(total)) for place, score in enumerate(scores)]
    after = Calibration(slope, intercept).apply(ranked)
    assert [ids for ids, _ in after] == [ids for ids, _ in ranked]
    values = [score for _, score in after]
    assert values == sorted(values, reverse=True)
    assert sum(map(math.exp, values)) <= 1 + 1e-6


@given(SCORES)
def test_one_and_zero_change_nothing(scores: list[float]) -> None:
    ranked = [([place], score - 1) for place, score in enumerate(scores)]
    for (_, after), (_, before) in zip(Calibration().apply(ranked), ranked, strict=True):
        assert after == pytest.approx(before, abs=1e-9)


def test_a_fit_finds_how_often_answers_are_right() -> None:
    source = np.random.default_rng(1)
    scores = -source.exponential(0.6, size=5000)
    hits = source.random(5000) < 1 / (1 + np.exp(-(1.5 * log_odds(scores) + 1)))
    fitted = Calibration.fit(scores.tolist(), hits.tolist())
    assert (fitted.slope, fitted.intercept) == pytest.approx((1.5, 1), abs=0.15)
    after = np.exp([fitted.apply([([], score)])[0][1] for score in scores.tolist()])
    assert calibration_error(after, hits) < 3 < calibration_error(np.exp(scores), hits)


@pytest.mark.parametrize("hit", [True, False])
def test_a_fit_to_equal_hits_is_finite(hit: bool) -> None:
    fitted = Calibration.fit([-0.5, -0.1, -3.0], [hit] * 3)
    assert math.isfinite(fitted.slope)
    assert math.isfinite(fitted.intercept)
    (_, score) = fitted.apply([([], -0.1)])[0]
    assert (score > math.log(0.5)) == hit
