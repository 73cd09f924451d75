"""What failed and diverged trials tell: where not to search.

A trial that failed has no objectives. One that diverged has some, but they say nothing of those around it:
with a training that ended at an exact match of zero its neighbours would be predicted half as good as they
are, and the noise a hundred times as large. Both only count as not having succeeded. Whether a trial succeeds
is a GP over the labels 1 and -1, and the probability that its latent value is positive weighs the
improvement, as that of a constraint does (Gelbart et al. 2014, "Bayesian optimization with unknown
constraints").
"""

import logging

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nas.acquisition import LogWeight
from nas.surrogate.gp import GpSurrogate
from nas.surrogate.observations import Observations
from nas.surrogate.posterior import ConditionedMembers

logger = logging.getLogger(__name__)

# A value has diverged that falls short of the others' prediction by more than so many of its standard
# deviations, and by more than so many times their range, the more the fewer observations an input has.
DEVIATIONS = 4.0
MIN_RANGES, RANGES_PER_INPUT = 0.5, 3.0
# The lowest share of the values is under suspicion.
SUSPECTS = 0.25
# Fewer observations than this say nothing of each other.
MIN_OBSERVATIONS = 8


def find_diverged(X: Tensor, Y: Tensor) -> NDArray[np.bool_]:
    """Which observations are so bad, given all others, that they tell nothing about these.

    A forward search (Atkinson and Riani 2000): a few bad values hide each other from any model that is fitted
    to all of them, so the model is fitted to the values above suspicion first, and takes in those of the
    others that it foresees, the likeliest ones first, until it foresees none.

    Args:
        X: `n x d` inputs in the unit cube.
        Y: `n x m` objectives to be maximised.

    Returns:
        `n` flags.
    """
    diverged = torch.zeros(len(X), dtype=torch.bool)
    for y in Y.unbind(dim=1):
        y = y / y.abs().max().clamp_min(1e-300)  # no threshold depends on units
        suspect = torch.zeros_like(diverged)
        suspect[y.argsort()[: int(SUSPECTS * len(y))]] = True
        while bool(suspect.any()) and int((~suspect).sum()) >= MIN_OBSERVATIONS:
            shortfall = _shortfall(X, y, suspect)
            foreseen = shortfall <= 1.0
            if not bool(foreseen.any()):
                diverged |= suspect
                break
            likeliest = shortfall.argsort()[: (int(foreseen.sum()) + 1) // 2]
            suspect[suspect.nonzero().squeeze(1)[likeliest]] = False
    return diverged.numpy()


def _shortfall(X: Tensor, y: Tensor, suspect: Tensor) -> Tensor:
    """By how much the suspects lie below what the others predict for them; above 1 they have diverged."""
    posterior = GpSurrogate().fit(Observations(X[~suspect], y[~suspect].unsqueeze(1)), seed=0)
    (members,) = posterior.members
    mean, variance = posterior.predict(X[suspect])
    noise = members.noise[0, 0] * members.scale**2
    spread = DEVIATIONS * (variance[:, 0] + noise).sqrt()
    ranges = max(MIN_RANGES, RANGES_PER_INPUT * X.shape[1] / len(X))
    least = spread.clamp_min(ranges * float(y[~suspect].max() - y[~suspect].min()))
    return (mean[:, 0] - y[suspect]) / least.clamp_min(1e-300)


def success_weight(X: Tensor, succeeded: NDArray[np.bool_]) -> LogWeight | None:
    """The logarithm of the probability that a trial succeeds.

    Args:
        X: `n x d` inputs of all ended trials.
        succeeded: `n` flags.

    Returns:
        Maps `b x d` inputs to `b` logarithms, with a gradient; None where all or none succeeded.
    """
    if succeeded.all() or not succeeded.any():
        return None
    labels = torch.from_numpy(np.where(succeeded, 1.0, -1.0)).unsqueeze(1)
    posterior = GpSurrogate().fit(Observations(X, labels), seed=0)
    (members,) = posterior.members
    nothing = torch.zeros(1, 0, dtype=X.dtype)
    function = ConditionedMembers.given(members, X[:0], nothing)
    limit = -members.shift / members.scale

    def log_probability(points: Tensor) -> Tensor:
        mean, deviation = function.moments(points)
        log_p: Tensor = torch.special.log_ndtr((mean[0, :, 0] - limit) / deviation[0])
        return log_p

    return log_probability
