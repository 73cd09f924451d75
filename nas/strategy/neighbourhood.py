"""A preference for the reference model's neighbourhood, as long as little else is known.

The first points of a search say little of a space of many dimensions, and an acquisition function that takes
them at their word goes where it knows least, into the corners. That the reference model is a good one is
known before.
"""

import math

from torch import Tensor

from nas.acquisition import LogWeight

REFERENCE_WIDTH = 0.4
# A weight whose logarithm is multiplied by less has faded.
_FADED = 1e-3


def fading_preference(centre: Tensor, width: float, rounds: int) -> LogWeight | None:
    """A normal density around a point, to a power that falls from round to round.

    The acquisition function times a prior of where its optimum lies is piBO (Hvarfner et al. 2022); the power
    exp(-n^2 / d) is that of PriMO (Basu et al. 2025), where n
    counts trials that are proposed one by one; here, what is proposed at once counts once.

    Args:
        centre: `d`, the point.
        width: The density's standard deviation in each dimension, above 0.
        rounds: How many rounds n have been proposed after the first.

    Returns:
        Maps `b x d` points to `b` logarithms; None where it has faded.
    """
    power = math.exp(-(rounds**2) / len(centre))
    if power < _FADED:
        return None

    def log_weight(X: Tensor) -> Tensor:
        squared: Tensor = ((X - centre) / width).square().sum(dim=-1)
        return -0.5 * power * squared

    return log_weight
