"""The MAP baseline: one Gaussian process an objective, hyperparameters at their posterior mode."""

from collections.abc import Sequence

import torch
from botorch.models.gp_regression import SingleTaskGP
from botorch.models.model_list_gp_regression import ModelListGP
from botorch.models.transforms.outcome import Standardize
from botorch.models.utils.gpytorch_modules import get_covar_module_with_dim_scaled_prior
from gpytorch.kernels import ScaleKernel
from gpytorch.priors import GammaPrior
from torch import Tensor

from nas.surrogate.diagnostics import FitDiagnostics
from nas.surrogate.mode import degenerate_data_allowed, fit_to_mode
from nas.surrogate.noise import known_noise


class GpSurrogate:
    """Matern-5/2 kernels with one lengthscale a dimension and BoTorch's dimension-scaled lengthscale prior.

    The prior is that of Hvarfner et al. 2024, "Vanilla Bayesian Optimization Performs Great in High
    Dimensions".
    """

    diagnostics: Sequence[FitDiagnostics] = ()

    def fit(self, X: Tensor, Y: Tensor, Yvar: Tensor | None = None, *, seed: int) -> ModelListGP:
        """See `Surrogate.fit`."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            models = [_fit_one(X, Y[:, i : i + 1], known_noise(Yvar, i)) for i in range(Y.shape[1])]
        return ModelListGP(*models)


def _fit_one(X: Tensor, y: Tensor, yvar: Tensor | None) -> SingleTaskGP:
    dimension = X.shape[1]
    kernel = ScaleKernel(
        get_covar_module_with_dim_scaled_prior(ard_num_dims=dimension, use_rbf_kernel=False),
        outputscale_prior=GammaPrior(2.0, 1.0),
    )
    kernel.outputscale = 1.0
    with degenerate_data_allowed():
        model = SingleTaskGP(X, y, yvar, covar_module=kernel, outcome_transform=Standardize(m=1))
        fit_to_mode(model)
    return model.eval()
