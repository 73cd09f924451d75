import math
from typing import Any

import pytest
import torch
from botorch.fit import fit_gpytorch_mll
from botorch.models.gp_regression import SingleTaskGP
from botorch.models.utils.gpytorch_modules import get_covar_module_with_dim_scaled_prior
from gpytorch.kernels import ScaleKernel
from gpytorch.means import ConstantMean
from gpytorch.mlls import ExactMarginalLogLikelihood
from gpytorch.priors import GammaPrior, NormalPrior
from torch import Tensor

from nas.surrogate.errors import SurrogateError
from nas.surrogate.gp import NARROW, WIDE, GpSurrogate
from nas.surrogate.observations import Observations
from nas.surrogate.posterior import Members


def data(n: int, d: int = 4) -> tuple[Tensor, Tensor]:
    X = torch.rand(n, d, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return X, torch.stack([3 + torch.sin(4 * X[:, 0]), 100 * X[:, 1] ** 2], dim=1)


def test_it_predicts_in_the_objectives_own_units() -> None:
    X, Y = data(40)
    mean, variance = GpSurrogate().fit(Observations(X[:30], Y[:30]), seed=0).predict(X[30:])
    error = (mean - Y[30:]).square().mean(dim=0).sqrt()
    assert (error < 0.2 * Y.std(dim=0)).all()
    assert mean.shape == variance.shape == (10, 2)


def gpytorch_log_posterior(X: Tensor, y: Tensor, spread: float, members: Members | None) -> float:
    """Of BoTorch's model with the same priors: at given hyperparameters, or where its own fit ends."""
    base = get_covar_module_with_dim_scaled_prior(ard_num_dims=X.shape[1], use_rbf_kernel=False)
    prior = base.lengthscale_prior
    # The mode of a log-normal density, exp(loc - scale^2), stays.
    prior.loc, prior.scale = prior.loc - prior.scale**2 + spread**2, torch.tensor(spread)
    kernel = ScaleKernel(base, outputscale_prior=GammaPrior(2.0, 1.0))
    mean = ConstantMean(constant_prior=NormalPrior(0.0, 1.0))
    model = SingleTaskGP(
        X, y.unsqueeze(1), covar_module=kernel, mean_module=mean, outcome_transform=None
    ).double()
    likelihood = ExactMarginalLogLikelihood(model.likelihood, model)
    if members is None:
        fit_gpytorch_mll(likelihood)
    else:
        model.covar_module.base_kernel.lengthscale = members.lengthscale
        model.covar_module.outputscale = members.outputscale
        model.likelihood.noise = members.noise[:, :1]
        model.mean_module.constant = members.mean[0]
    with torch.no_grad():
        model.train()
        return len(y) * float(likelihood(model(X), y))


@pytest.mark.parametrize("spread", [WIDE, NARROW, 0.3])
def test_the_mode_is_at_least_as_high_as_the_one_that_gpytorch_finds(spread: float) -> None:
    X, Y = data(60, d=8)
    y = (Y[:, 0] - Y[:, 0].mean()) / Y[:, 0].std()
    (members,) = GpSurrogate(spread).fit(Observations(X, y.unsqueeze(1)), seed=0).members
    found = gpytorch_log_posterior(X, y, spread, members)
    assert found >= gpytorch_log_posterior(X, y, spread, None) - 1e-3


def test_the_narrower_the_prior_the_less_lengthscales_differ() -> None:
    X, Y = data(30, d=8)
    ratios = []
    for spread in (WIDE, NARROW, 0.1):
        (members, _) = GpSurrogate(spread).fit(Observations(X, Y), seed=0).members
        ratios.append(float(members.lengthscale.max() / members.lengthscale.min()))
    assert ratios[0] > ratios[1] > ratios[2] > 1


@pytest.mark.parametrize("spread", [0.0, -1.0, math.inf, math.nan, True, "wide", None])
def test_a_spread_out_of_range_is_refused(spread: Any) -> None:
    with pytest.raises(SurrogateError, match=f"lengthscale_spread={spread} is out of range"):
        GpSurrogate(spread)


def test_known_noise_is_kept() -> None:
    X, Y = data(30)
    noise = 0.04 * Y.var(dim=0).expand_as(Y)
    for column, members in enumerate(GpSurrogate().fit(Observations(X, Y, noise), seed=0).members):
        expected = noise[:, column] / Y[:, column].var()
        torch.testing.assert_close(members.noise[0], expected)
