"""The GP with the SAAS prior as a Pyro model: the specification of `nas.surrogate.saas_density`."""

from collections.abc import Callable
from typing import Any

import pyro
import pyro.distributions as dist
import torch
from torch import Tensor

from nas.surrogate.saas_prior import Gamma, LogNormal, SaasPrior


def pyro_model(
    prior: SaasPrior, X: Tensor, y: Tensor | None, noise_variance: Tensor | None = None
) -> Callable[[], None]:
    """The GP with the SAAS prior as a Pyro program.

    Args:
        prior: The hyperparameters' priors.
        X: `n x d` inputs in the unit cube.
        y: `n` standardised observations; None: the program draws them.
        noise_variance: `n` known noise variances; None: one noise variance is inferred.

    Returns:
        A program without arguments, for `pyro.infer`.
    """

    def model() -> None:
        n, d = X.shape
        mean = X.new_zeros(())
        if prior.mean_scale is not None:
            mean = pyro.sample("mean", dist.Normal(X.new_zeros(()), X.new_tensor(prior.mean_scale)))
        if noise_variance is None:
            noise = prior.noise_floor + pyro.sample("noise", _distribution(prior.noise, X)).expand(n)
        else:
            noise = noise_variance
        outputscale = pyro.sample("outputscale", _distribution(prior.outputscale, X))
        tausq = pyro.sample("tausq", dist.HalfCauchy(X.new_tensor(prior.tau_scale)))
        local = pyro.sample("local", dist.HalfCauchy(X.new_ones(d)).to_event(1))
        covariance = outputscale * matern52(X, tausq * local) + torch.diag_embed(noise)
        pyro.sample("y", dist.MultivariateNormal(mean.expand(n), covariance), obs=y)

    return model


def _distribution(prior: Gamma | LogNormal, like: Tensor) -> Any:
    if isinstance(prior, Gamma):
        return dist.Gamma(like.new_tensor(prior.concentration), like.new_tensor(prior.rate))
    return dist.LogNormal(like.new_tensor(prior.loc), like.new_tensor(prior.scale))


def matern52(X: Tensor, inv_length_sq: Tensor) -> Tensor:
    """Matern-5/2 correlation.

    Args:
        X: `n x d` inputs.
        inv_length_sq: `d` squared inverse lengthscales.

    Returns:
        `n x n` correlations.
    """
    squared = ((X[:, None, :] - X[None, :, :]).square() * inv_length_sq).sum(-1)
    # The square root has no finite slope at zero; the floor is far below what the correlation can resolve.
    scaled = (5 * squared.clamp_min(1e-30)).sqrt()
    return (1 + scaled + scaled.square() / 3) * (-scaled).exp()
