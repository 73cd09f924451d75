"""A posterior as BoTorch models, for acquisition functions of BoTorch and others that take its models."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from botorch.models.gp_regression import SingleTaskGP
from botorch.models.model_list_gp_regression import ModelListGP
from botorch.models.transforms.outcome import Standardize
from botorch.posteriors.fully_bayesian import MCMC_DIM, GaussianMixturePosterior
from botorch.posteriors.gpytorch import GPyTorchPosterior
from gpytorch.constraints import Positive
from gpytorch.kernels import MaternKernel, ScaleKernel
from gpytorch.likelihoods import FixedNoiseGaussianLikelihood, GaussianLikelihood
from gpytorch.likelihoods.likelihood import Likelihood
from gpytorch.means import ConstantMean
from torch import Tensor

from nas.surrogate.posterior import Members


def to_botorch(members: Sequence[Members]) -> ModelListGP:
    """Builds one BoTorch model a column; ensembles have their members in a batch dimension."""
    return ModelListGP(*(_model(one) for one in members))


class _Ensemble(SingleTaskGP):
    """A batch of GPs whose posterior is their mixture, as BoTorch's own ensembles have it."""

    _is_ensemble = True

    def posterior(self, X: Tensor, *args: Any, **kwargs: Any) -> GaussianMixturePosterior:
        """The mixture over the members at `... x q x d` inputs."""
        own = super().posterior(X.unsqueeze(MCMC_DIM), *args, **kwargs)
        assert isinstance(own, GPyTorchPosterior)
        return GaussianMixturePosterior(distribution=own.distribution)


def _model(members: Members) -> SingleTaskGP:
    s, (n, d) = len(members), members.X.shape
    batch = torch.Size([s] if s > 1 else [])
    kernel = ScaleKernel(MaternKernel(2.5, ard_num_dims=d, batch_shape=batch), batch_shape=batch).double()
    kernel.base_kernel.lengthscale = members.lengthscale.reshape(*batch, 1, d)
    kernel.outputscale = members.outputscale.reshape(batch)
    mean = ConstantMean(batch_shape=batch).double()
    mean.constant = members.mean.reshape(batch)
    model = (_Ensemble if s > 1 else SingleTaskGP)(
        members.X.expand(*batch, n, d),
        members.y.unsqueeze(-1).expand(*batch, n, 1),
        likelihood=_likelihood(members, batch),
        covar_module=kernel,
        mean_module=mean,
        outcome_transform=None,
    )
    # Two values with this mean and standard deviation.
    step = members.scale / math.sqrt(2)
    transform = Standardize(m=1, min_stdv=0.0)
    transform(torch.tensor([[members.shift - step], [members.shift + step]], dtype=torch.float64))
    model.outcome_transform = transform
    return model.eval()


def _likelihood(members: Members, batch: torch.Size) -> Likelihood:
    noise = members.noise
    if not bool((noise == noise[:, :1]).all()):
        return FixedNoiseGaussianLikelihood(noise.reshape(*batch, -1), batch_shape=batch)
    likelihood = GaussianLikelihood(noise_constraint=Positive(), batch_shape=batch).double()
    likelihood.noise = noise[:, :1].reshape(*batch, 1)
    return likelihood
