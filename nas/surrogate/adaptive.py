"""A surrogate that finds its own sparsity: a dense GP, or SAAS where it clearly predicts better.

A dense GP, which expects every input to matter a little, finds its way after few observations where many do,
and SAAS, which expects most not to matter at all, where few do. Leave-one-out log densities tell the two
apart, for each objective by itself, once there are more observations than inputs; before that they do not,
and each of the two models proposes a part of the batch.

The dense GP that proposes has a narrow prior of its lengthscales: it finds more than one with a wide prior,
which singles inputs out by chance, but predicts worse. So SAAS is compared with the wide one. Where they
predict equally well, the dense model proposes. docs/decisions.md has the measurements, and what else was
tried.
"""

import logging
import math
from collections.abc import Mapping
from dataclasses import replace

from nas.surrogate import State, Surrogate
from nas.surrogate.crossval import LeaveOneOut, leave_one_out
from nas.surrogate.errors import SurrogateError
from nas.surrogate.gp import NARROW, GpSurrogate
from nas.surrogate.observations import Observations
from nas.surrogate.posterior import Posterior
from nas.surrogate.saas import SaasSurrogate
from paretoparse.checks import SHARE

logger = logging.getLogger(__name__)

# By how many standard errors the sparse model has to predict better.
MARGIN = 2.0


class AdaptiveSurrogate:
    """Fits both models; each column gets the dense one, or the sparse one where that clearly predicts better.

    With at most as many observations as inputs the posterior is the dense one, and `Posterior.rivals` has the
    sparse one, for a share of each batch.

    Args:
        sparse: Surrogate that expects few inputs to matter; None: `SaasSurrogate`.
        dense: Surrogate that expects all of them to; None: `GpSurrogate` with a narrow prior of lengthscales.
        yardstick: Surrogate that the sparse one has to predict better than; None: `GpSurrogate`.
        sparse_share: Share of a batch that the sparse model proposes as long as nothing tells them apart; 0
            to 1.

    Raises:
        SurrogateError: If the share is out of range.
    """

    def __init__(
        self,
        sparse: Surrogate | None = None,
        dense: Surrogate | None = None,
        yardstick: Surrogate | None = None,
        sparse_share: float = 0.25,
    ) -> None:
        SHARE.check("sparse_share", sparse_share, SurrogateError)
        self._sparse = sparse or SaasSurrogate()
        self._dense = dense or GpSurrogate(NARROW)
        self._yardstick = yardstick or GpSurrogate()
        self._share = sparse_share

    def fit(self, observations: Observations, *, seed: int, start: State | None = None) -> Posterior:
        """See `Surrogate.fit`; the state is that of both."""
        start = start if isinstance(start, Mapping) else {}
        dense = self._dense.fit(observations, seed=seed, start=start.get("dense"))
        sparse = self._sparse.fit(observations, seed=seed, start=start.get("sparse"))
        both = Posterior(dense.members, sparse.diagnostics, {"dense": dense.state, "sparse": sparse.state})
        n, d = observations.X.shape
        if n <= d:
            return replace(both, rivals=((self._share, sparse),))
        few, all_ = leave_one_out(sparse), leave_one_out(self._yardstick.fit(observations, seed=seed))
        chosen = [_predicts_better(*pair) for pair in zip(few, all_, strict=True)]
        logger.info(
            "Leave-one-out log density of the sparse model and of its yardstick: %s.",
            ", ".join(
                f"column {i}: {one.log_density.mean():.2f} and {other.log_density.mean():.2f}, "
                f"{'sparse' if pick else 'dense'}"
                for i, (one, other, pick) in enumerate(zip(few, all_, chosen, strict=True))
            ),
        )
        members = tuple(
            one if pick else other
            for one, other, pick in zip(sparse.members, dense.members, chosen, strict=True)
        )
        return replace(both, members=members)


def _predicts_better(one: LeaveOneOut, other: LeaveOneOut) -> bool:
    """Whether the mean of the paired differences is above 0 by `MARGIN` standard errors."""
    differences = one.log_density - other.log_density
    return bool(differences.mean() > MARGIN * differences.std(ddof=1) / math.sqrt(len(differences)))
