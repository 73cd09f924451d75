"""The MAP baseline: one Gaussian process an objective, hyperparameters at their posterior mode."""

import logging
import warnings

import torch
from botorch.exceptions.errors import ModelFittingError
from botorch.exceptions.warnings import BotorchWarning
from botorch.fit import fit_gpytorch_mll
from botorch.models.gp_regression import SingleTaskGP
from botorch.models.model_list_gp_regression import ModelListGP
from botorch.models.transforms.outcome import Standardize
from botorch.models.utils.gpytorch_modules import get_covar_module_with_dim_scaled_prior
from gpytorch.kernels import ScaleKernel
from gpytorch.mlls import ExactMarginalLogLikelihood
from gpytorch.priors import GammaPrior
from linear_operator.utils.warnings import NumericalWarning
from torch import Tensor

logger = logging.getLogger(__name__)


class GpSurrogate:
    """Matern-5/2 kernels with one lengthscale a dimension and BoTorch's dimension-scaled lengthscale prior.

    The prior is that of Hvarfner et al. 2024, "Vanilla Bayesian Optimization Performs Great in High
    Dimensions".
    """

    def fit(self, X: Tensor, Y: Tensor, Yvar: Tensor | None = None, *, seed: int) -> ModelListGP:
        """See `Surrogate.fit`."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            models = [
                _fit_one(X, Y[:, i : i + 1], None if Yvar is None else Yvar[:, i : i + 1])
                for i in range(Y.shape[1])
            ]
        return ModelListGP(*models)


def _fit_one(X: Tensor, y: Tensor, yvar: Tensor | None) -> SingleTaskGP:
    dimension = X.shape[1]
    kernel = ScaleKernel(
        get_covar_module_with_dim_scaled_prior(ard_num_dims=dimension, use_rbf_kernel=False),
        outputscale_prior=GammaPrior(2.0, 1.0),
    )
    kernel.outputscale = 1.0
    with warnings.catch_warnings():
        # A constant objective and repeated points are legal here; the noise and the standardisation cope
        # with both.
        warnings.simplefilter("ignore", BotorchWarning)
        warnings.simplefilter("ignore", NumericalWarning)
        model = SingleTaskGP(X, y, yvar, covar_module=kernel, outcome_transform=Standardize(m=1))
        start = {name: value.clone() for name, value in model.state_dict().items()}
        try:
            fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        except ModelFittingError as error:
            logger.warning("The surrogate keeps its prior's hyperparameters, as their fit failed: %s", error)
            model.load_state_dict(start)
    return model.eval()
