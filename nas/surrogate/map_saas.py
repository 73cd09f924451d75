"""The MAP-SAAS ensemble: several modes, one for each of a few sparsity levels, instead of a posterior.

Seconds instead of a minute; also what a fully Bayesian fit falls back to when its chains do not converge.
"""

from collections.abc import Sequence

import torch
from botorch.models.map_saas import EnsembleMapSaasSingleTaskGP
from botorch.models.model_list_gp_regression import ModelListGP
from torch import Tensor

from nas.surrogate.diagnostics import FitDiagnostics
from nas.surrogate.mode import degenerate_data_allowed, fit_to_mode
from nas.surrogate.noise import known_noise


class MapSaasSurrogate:
    """One ensemble of MAP-SAAS GPs an objective.

    Args:
        num_taus: Members of each ensemble; their global shrinkages are drawn from HalfCauchy(0.1).
    """

    diagnostics: Sequence[FitDiagnostics] = ()

    def __init__(self, num_taus: int = 4) -> None:
        self.num_taus = num_taus

    def fit(self, X: Tensor, Y: Tensor, Yvar: Tensor | None = None, *, seed: int) -> ModelListGP:
        """See `Surrogate.fit`."""
        models = [
            fit_map_saas(X, Y[:, i : i + 1], known_noise(Yvar, i), self.num_taus, seed=seed + i)
            for i in range(Y.shape[1])
        ]
        return ModelListGP(*models)


def fit_map_saas(
    X: Tensor, y: Tensor, yvar: Tensor | None, num_taus: int, *, seed: int
) -> EnsembleMapSaasSingleTaskGP:
    """Fit one objective's ensemble.

    Args:
        X: `n x d` inputs in the unit cube.
        y: `n x 1` observations.
        yvar: `n x 1` known noise variances; None: inferred.
        num_taus: Members of the ensemble.
        seed: Seed of the members' shrinkages and of restarts.

    Returns:
        The fitted ensemble in evaluation mode.
    """
    with torch.random.fork_rng(devices=[]), degenerate_data_allowed():
        torch.manual_seed(seed)
        model = EnsembleMapSaasSingleTaskGP(X, y, yvar, num_taus=num_taus)
        fit_to_mode(model)
    return model.eval()
