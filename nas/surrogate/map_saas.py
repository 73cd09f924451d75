"""The MAP-SAAS ensemble: several modes, one for each of a few sparsity levels, instead of a posterior.

Seconds instead of a minute; also what a fully Bayesian fit falls back to when its chains do not converge.
"""

import logging
import warnings

import torch
from botorch.exceptions.errors import ModelFittingError
from botorch.exceptions.warnings import BotorchWarning
from botorch.fit import fit_gpytorch_mll
from botorch.models.map_saas import EnsembleMapSaasSingleTaskGP
from botorch.models.model_list_gp_regression import ModelListGP
from gpytorch.mlls import ExactMarginalLogLikelihood
from linear_operator.utils.warnings import NumericalWarning
from torch import Tensor

logger = logging.getLogger(__name__)


class MapSaasSurrogate:
    """One ensemble of MAP-SAAS GPs an objective.

    Args:
        num_taus: Members of each ensemble; their global shrinkages are drawn from HalfCauchy(0.1).
    """

    def __init__(self, num_taus: int = 4) -> None:
        self.num_taus = num_taus

    def fit(self, X: Tensor, Y: Tensor, Yvar: Tensor | None = None, *, seed: int) -> ModelListGP:
        """See `Surrogate.fit`."""
        models = [
            fit_map_saas(
                X, Y[:, i : i + 1], None if Yvar is None else Yvar[:, i : i + 1], self.num_taus, seed=seed + i
            )
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
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        # A constant objective and repeated points are legal here; the noise and the standardisation cope.
        warnings.simplefilter("ignore", BotorchWarning)
        warnings.simplefilter("ignore", NumericalWarning)
        torch.manual_seed(seed)
        model = EnsembleMapSaasSingleTaskGP(X, y, yvar, num_taus=num_taus)
        start = {name: value.clone() for name, value in model.state_dict().items()}
        try:
            fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        except ModelFittingError as error:
            logger.warning("MAP-SAAS keeps its initial hyperparameters, as their fit failed: %s", error)
            torch.nn.Module.load_state_dict(model, start)
    return model.eval()
