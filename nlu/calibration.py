"""How likely is a frame to be right, given the probability that the model computes for it?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from nlu.model.base import Hypothesis

# Of log-probabilities: at 0 the log-odds are infinite.
_HIGHEST = -1e-9


@dataclass(frozen=True)
class Calibration:
    """Platt scaling (Platt 1999) of the first frame's log-odds.

    Label smoothing and tokens that are multiplied as if they were independent make the model's own
    probability of a frame too low.

    Attributes:
        slope, intercept: of the right frame's log-odds over the model's; 1 and 0 change nothing.
    """

    slope: float = 1.0
    intercept: float = 0.0

    @classmethod
    def fit(cls, scores: Sequence[float], hits: Sequence[bool]) -> "Calibration":
        """Fit the two numbers to held-out answers, by maximum likelihood.

        Args:
            scores: log-probability of each utterance's first frame.
            hits: whether that frame is the right one.
        """
        odds = log_odds(np.array(scores))
        # Platt's targets: never quite 0 or 1, so that there is a finite optimum.
        right, count = sum(hits), len(hits)
        targets = np.where(hits, (right + 1) / (right + 2), 1 / (count - right + 2))

        def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            logits = values[0] * odds + values[1]
            residual = 0.5 * (1 + np.tanh(logits / 2)) - targets
            nll = np.logaddexp(0, logits) - targets * logits
            return float(nll.mean()), np.array([(residual * odds).mean(), residual.mean()])

        # More likely for the model must never mean less likely.
        best = minimize(loss, [1.0, 0.0], jac=True, bounds=[(1e-3, None), (None, None)])
        return cls(*map(float, best.x))

    def apply(self, ranked: Sequence[Hypothesis]) -> list[Hypothesis]:
        """Calibrate the first frame's log-probability; the others share what it leaves as before."""
        if not ranked:
            return []
        first = min(ranked[0][1], _HIGHEST)
        logit = self.slope * float(log_odds(np.array(first))) + self.intercept
        highest = -float(np.logaddexp(0, -logit))
        left = -float(np.logaddexp(0, logit)) - math.log(-math.expm1(first))
        return [
            (ids, highest if place == 0 else min(score + left, highest))
            for place, (ids, score) in enumerate(ranked)
        ]


def log_odds(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn log-probabilities into log-odds."""
    scores = np.minimum(scores, _HIGHEST)
    return np.asarray(scores - np.log(-np.expm1(scores)))
