"""A preference for the reference model's neighbourhood, as long as little else is known.

The first points of a search say little of a space of many dimensions, and an acquisition function that takes
them at their word goes where it knows least, into the corners. That the reference model is a good one is
known before.
"""

import math

from torch import Tensor

from nas.acquisition import LogWeight

REFERENCE_WIDTH = 0.4
# How much more slowly it fades than where each proposal knows the one before.
PATIENCE = 8
# A weight whose logarithm is multiplied by less has faded.
_FADED = 1e-3


def fading_preference(centre: Tensor, width: float, first: int, proposed: int) -> LogWeight | None:
    """A normal density around a point, to a power that falls as trials are proposed.

    The acquisition function times a prior of where its optimum lies is piBO (Hvarfner et al. 2022); a power
    exp(-n^2 / d) of the number n of proposals is that of PriMO (Basu et al. 2025), which proposes one by one.
    Proposals of one batch do not learn from each other, so it falls more slowly here: exp(-n^2 / (8 d)).
    There is none where the first round says enough, with at least one trial for two dimensions.

    Args:
        centre: `d`, the point.
        width: The density's standard deviation in each dimension, above 0.
        first: How many trials the first round has.
        proposed: How many trials n have been proposed after the first round.

    Returns:
        Maps `b x d` points to `b` logarithms; None where it has faded.
    """
    power = math.exp(-(proposed**2) / (PATIENCE * len(centre)))
    if 2 * first >= len(centre) or power < _FADED:
        return None

    def log_weight(X: Tensor) -> Tensor:
        squared: Tensor = ((X - centre) / width).square().sum(dim=-1)
        return -0.5 * power * squared

    return log_weight
