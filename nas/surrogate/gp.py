"""The MAP baseline: one Gaussian process an objective, hyperparameters at their posterior mode."""

import torch
from botorch.models.gp_regression import SingleTaskGP
from botorch.models.transforms.outcome import Standardize
from botorch.models.utils.gpytorch_modules import get_covar_module_with_dim_scaled_prior
from gpytorch.kernels import ScaleKernel
from gpytorch.priors import GammaPrior
from torch import Tensor

from nas.surrogate import State
from nas.surrogate.mode import degenerate_data_allowed, fit_to_mode
from nas.surrogate.observations import Observations
from nas.surrogate.posterior import Members, Posterior


class GpSurrogate:
    """Matern-5/2 kernels with one lengthscale a dimension and BoTorch's dimension-scaled lengthscale prior.

    The prior is that of Hvarfner et al. 2024, "Vanilla Bayesian Optimization Performs Great in High
    Dimensions".
    """

    def fit(self, observations: Observations, *, seed: int, start: State | None = None) -> Posterior:
        """See `Surrogate.fit`; it starts from nothing and leaves no state."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            columns = map(observations.column, range(observations.Y.shape[1]))
            return Posterior(tuple(_fit_one(observations.X, y, noise) for y, noise in columns))


def _fit_one(X: Tensor, y: Tensor, yvar: Tensor | None) -> Members:
    dimension = X.shape[1]
    kernel = ScaleKernel(
        get_covar_module_with_dim_scaled_prior(ard_num_dims=dimension, use_rbf_kernel=False),
        outputscale_prior=GammaPrior(2.0, 1.0),
    )
    kernel.outputscale = 1.0
    with degenerate_data_allowed():
        model = SingleTaskGP(X, y, yvar, covar_module=kernel, outcome_transform=Standardize(m=1))
        fit_to_mode(model)
    return Members.of(model.eval())
