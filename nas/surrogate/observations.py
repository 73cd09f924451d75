"""What a surrogate is fitted to, and how a history in its user's units becomes that.

Everything behind `prepare` computes in units in which a column's standard deviation lies in [0.5, 1), so that
no threshold depends on the user's units; and values so bad that they would drown all others are moved to the
worst ordinary ones, which is all that a search needs to know of them.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from botorch.models.transforms.outcome import Standardize
from torch import Tensor

from nas.surrogate.posterior import Posterior

# Values so many standard deviations below the median are outliers; they are estimated by the median absolute
# deviation, which no minority of values can move.
FENCE = 30.0
_NORMAL_MAD = 1.4826
# Variation of a column that rounding explains, relative to its values.
_ROUNDING = 1e-12
# How far below the worst ordinary value, relative to the ordinary values' range, a reference point moves.
_MARGIN = 0.1

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Observations:
    """Trials as numbers.

    Attributes:
        X: `n x d` inputs in the unit cube, float64; n is at least 1.
        Y: `n x k` finite observations: objectives to be maximised, then slacks of constraints, which are kept
            where the slack is at least 0.
        Yvar: `n x k` known noise variances of `Y`; None, or a column with a NaN: one variance is inferred.
    """

    X: Tensor
    Y: Tensor
    Yvar: Tensor | None = None

    def column(self, index: int) -> tuple[Tensor, Tensor | None]:
        """One column's observations and its known noise variances, both `n x 1`."""
        noise = None if self.Yvar is None else self.Yvar[:, index : index + 1]
        return self.Y[:, index : index + 1], None if noise is None or bool(noise.isnan().any()) else noise


@dataclass(frozen=True)
class Standardised:
    """One column with mean 0 and standard deviation 1; a constant one has only its mean removed.

    Attributes:
        y: `n` values.
        noise: `n` known noise variances; None: inferred.
        scale: Factor back to the column's own units.
        shift: Offset after it.
    """

    y: Tensor
    noise: Tensor | None
    scale: float
    shift: float


def standardise(y: Tensor, noise: Tensor | None) -> Standardised:
    """Standardises a column as BoTorch does.

    Args:
        y: `n x 1` values.
        noise: `n x 1` noise variances or None.
    """
    transform = Standardize(m=1)
    scaled, scaled_noise = transform(y, noise)
    return Standardised(
        scaled.squeeze(-1),
        None if scaled_noise is None else scaled_noise.squeeze(-1),
        float(transform.stdvs),
        float(transform.means),
    )


@dataclass(frozen=True)
class Prepared:
    """Observations in units that suit computing.

    Attributes:
        observations: What to fit a surrogate to.
        reference: `m`, the reference point in the same units.
        units: One exact power of two a column: a value in the user's units is the computed one times it.
    """

    observations: Observations
    reference: Tensor
    units: tuple[float, ...]

    def restore(self, posterior: Posterior) -> Posterior:
        """The posterior of a fit to `observations`, in the user's units."""
        members = tuple(
            replace(one, scale=one.scale * unit, shift=one.shift * unit)
            for one, unit in zip(posterior.members, self.units, strict=True)
        )
        return replace(posterior, members=members)


def prepare(observations: Observations, reference: Tensor, names: Sequence[str] = ()) -> Prepared:
    """Moves outliers among bad values to the ordinary ones, and chooses units.

    Data without outliers whose standard deviations lie in [0.5, 1) come back as they are, to the last bit;
    units that differ by a power of two give the same numbers.

    Args:
        observations: In the user's units; the first m columns are objectives.
        reference: `m`, the reference point in the same units; it moves with outliers beyond which it lies.
        names: Of the columns, for the log; () numbers them.
    """
    Y, reference = observations.Y.clone(), reference.clone()
    m, units = len(reference), []
    for i in range(Y.shape[1]):
        if i < m:
            Y[:, i], moved = _winsorise(Y[:, i], float(reference[i]))
            reference[i] = max(float(reference[i]), moved)
        else:
            Y[:, i], _ = _winsorise(Y[:, i], None)
        count = int((Y[:, i] != observations.Y[:, i]).sum())
        if count:
            name = names[i] if names else f"column {i}"
            logger.info("%d of %d values of %s are outliers; they count as bad ones.", count, len(Y), name)
        units.append(_unit(Y[:, i]))
    scale = torch.tensor(units, dtype=Y.dtype)
    noise = observations.Yvar
    scaled = Observations(observations.X, Y / scale, None if noise is None else noise / scale / scale)
    return Prepared(scaled, reference / scale[:m], tuple(units))


def _winsorise(y: Tensor, reference: float | None) -> tuple[Tensor, float]:
    """Outliers among low values become the lowest ordinary one, or the reference point if that is lower.

    Args:
        y: `n` values.
        reference: Of an objective; None: `y` is a constraint's slack, whose sign stays.

    Returns:
        The values, and where the reference point must lie at least.
    """
    centre = y.median()
    deviations = (y - centre).abs()
    spread = deviations.median()
    if not bool(spread > _ROUNDING * centre.abs()):
        # More than half are equal: the spread of those that are not.
        other = deviations[deviations > _ROUNDING * centre.abs()]
        spread = other.median() if len(other) else spread
    spread = _NORMAL_MAD * spread
    fence = centre - FENCE * spread
    low = y < fence if reference is not None else (y < fence) & (y < 0)
    if not bool(low.any()):
        return y, -math.inf
    worst = float(y[~low].min())
    if reference is None:
        return torch.where(low, min(worst, -float(spread)), y), -math.inf
    least = -math.inf
    if reference < float(fence):
        least = worst - _MARGIN * max(float(y.max()) - worst, float(spread))
    return torch.where(low, min(worst, max(reference, least)), y), least


def _unit(y: Tensor) -> float:
    """The power of two in which the standard deviation lies in [0.5, 1); of a constant, its magnitude."""
    deviation = float(y.std()) if len(y) > 1 else 0.0
    magnitude = float(y.abs().max())
    if deviation <= _ROUNDING * magnitude:
        deviation = magnitude
    return math.ldexp(1.0, math.frexp(deviation)[1]) if deviation > 0 else 1.0
