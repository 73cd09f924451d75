"""The MAP-SAAS ensemble: several modes, one for each of a few sparsity levels, instead of a posterior.

Seconds instead of a minute; also what a fully Bayesian fit falls back to when its chains do not converge.
"""

import torch
from botorch.models.map_saas import EnsembleMapSaasSingleTaskGP

from nas.surrogate import State
from nas.surrogate.errors import SurrogateError
from nas.surrogate.mode import degenerate_data_allowed, fit_to_mode
from nas.surrogate.observations import Observations
from nas.surrogate.posterior import Members, Posterior
from paretoparse.checks import COUNT


class MapSaasSurrogate:
    """One ensemble of MAP-SAAS GPs a column.

    Args:
        num_taus: Members of each ensemble; their global shrinkages are drawn from HalfCauchy(0.1).

    Raises:
        SurrogateError: If it is no integer of at least 1.
    """

    def __init__(self, num_taus: int = 4) -> None:
        COUNT.check("num_taus", num_taus, SurrogateError)
        self.num_taus = num_taus

    def fit(self, observations: Observations, *, seed: int, start: State | None = None) -> Posterior:
        """See `Surrogate.fit`; it starts from nothing and leaves no state."""
        columns = range(observations.Y.shape[1])
        return Posterior(tuple(fit_map_saas(observations, i, self.num_taus, seed=seed + i) for i in columns))


def fit_map_saas(observations: Observations, column: int, num_taus: int, *, seed: int) -> Members:
    """Fits one column's ensemble.

    Args:
        observations: Of all columns.
        column: Which one.
        num_taus: Members of the ensemble.
        seed: Seed of the members' shrinkages and of restarts.
    """
    y, noise = observations.column(column)
    with torch.random.fork_rng(devices=[]), degenerate_data_allowed():
        torch.manual_seed(seed)
        model = EnsembleMapSaasSingleTaskGP(observations.X, y, noise, num_taus=num_taus)
        fit_to_mode(model)
    return Members.of(model.eval())
