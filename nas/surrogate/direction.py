"""What a step from one input to another does to an objective: the posterior of the difference."""

import numpy as np
import torch
from torch import Tensor

from nas.surrogate.crossval import mixture_quantile
from nas.surrogate.importance import Estimate
from nas.surrogate.posterior import JITTER, ConditionedMembers, Members, Posterior


def changes(posterior: Posterior, start: Tensor, ends: Tensor) -> list[Estimate]:
    """How the noise-free functions differ between one input and others.

    Function values of near inputs are alike, so a difference is known far better than either value.

    Args:
        posterior: Of a surrogate's fit.
        start: `d`, an input in the unit cube.
        ends: `k x d` others.

    Returns:
        The values at the `k` ends minus that at the start, one result a column, in its own units.
    """
    return [_one_column(members, torch.cat([start[None], ends])) for members in posterior.members]


def _one_column(members: Members, X: Tensor) -> Estimate:
    nothing = torch.zeros(1, 0, dtype=members.X.dtype)
    given = ConditionedMembers.given(members, members.X[:0], nothing)
    with torch.no_grad():
        whitened = members.kernel(X, members.X) @ given.inverse.transpose(-1, -2)
        steps = whitened[:, 1:] - whitened[:, :1]
        mean = (steps @ given.z.transpose(-1, -2)).squeeze(-1)
        scale = members.outputscale[:, None]
        prior = 2 * (scale - members.kernel(X[:1], X[1:]).squeeze(1))
        variance = torch.maximum(prior - steps.square().sum(-1), JITTER**2 * scale)
    weights = np.full(tuple(mean.shape), 1 / len(members))
    lower, median, upper = (
        members.scale * mixture_quantile(p, mean.numpy(), variance.numpy(), weights)
        for p in (0.05, 0.5, 0.95)
    )
    return Estimate(median, lower, upper)
