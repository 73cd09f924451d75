import pytest
import torch
from botorch.models.gp_regression import SingleTaskGP
from gpytorch.kernels import RBFKernel, ScaleKernel
from torch import Tensor

from nas.surrogate import Surrogate
from nas.surrogate.errors import SurrogateError
from nas.surrogate.gp import GpSurrogate
from nas.surrogate.map_saas import MapSaasSurrogate
from nas.surrogate.observations import Observations
from nas.surrogate.posterior import ConditionedMembers, Members, Posterior
from nas.surrogate.saas import SaasSurrogate

SURROGATES = [GpSurrogate(), MapSaasSurrogate(), SaasSurrogate(warmup=32, samples=32, thinning=8)]


def fitted(surrogate: Surrogate, *, noise: bool) -> tuple[Posterior, Tensor]:
    generator = torch.Generator().manual_seed(0)
    X = torch.rand(20, 3, dtype=torch.float64, generator=generator)
    Y = torch.stack([2 + 5 * torch.sin(4 * X[:, 0]), X[:, 1] - X[:, 2] ** 2], dim=1)
    Y = Y + 0.05 * torch.randn(Y.shape, dtype=torch.float64, generator=generator)
    Yvar = torch.rand(Y.shape, dtype=torch.float64, generator=generator) * 0.01 + 0.001 if noise else None
    return surrogate.fit(Observations(X, Y, Yvar), seed=0), torch.rand(
        7, 3, dtype=torch.float64, generator=generator
    )


@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize("surrogate", SURROGATES, ids=lambda s: type(s).__name__)
def test_without_sampled_values_the_moments_are_botorchs_posterior(surrogate: Surrogate, noise: bool) -> None:
    found, X = fitted(surrogate, noise=noise)
    means, variances = found.predict(X)
    for i, (single, members) in enumerate(zip(found.to_botorch().models, found.members, strict=True)):
        conditioned = ConditionedMembers.given(members, X[:0], torch.zeros(1, 0, dtype=torch.float64))
        mean, deviation = conditioned.moments(X)
        with torch.no_grad():
            posterior = single.posterior(X.unsqueeze(-2) if len(members) > 1 else X)
        if len(members) > 1:
            expected_mean, expected_variance = posterior.mean[..., 0, 0].T, posterior.variance[..., 0, 0].T
        else:
            expected_mean, expected_variance = posterior.mean.T, posterior.variance.T
        tolerance = {"rtol": 1e-4, "atol": 1e-6}
        torch.testing.assert_close(mean[..., 0] * members.scale + members.shift, expected_mean, **tolerance)
        torch.testing.assert_close((deviation * members.scale) ** 2, expected_variance, **tolerance)
        mixed = (
            (posterior.mixture_mean, posterior.mixture_variance)
            if len(members) > 1
            else (
                posterior.mean,
                posterior.variance,
            )
        )
        torch.testing.assert_close(means[:, i], mixed[0].reshape(-1), **tolerance)
        torch.testing.assert_close(variances[:, i], mixed[1].reshape(-1), **tolerance)


def test_points_added_one_by_one_condition_as_points_given_at_once() -> None:
    found, X = fitted(MapSaasSurrogate(), noise=False)
    members = found.members[0]
    normals = torch.randn(6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    at_once = ConditionedMembers.given(members, X[:5], normals)
    grown = ConditionedMembers.given(members, X[:2], normals[:, :2])
    for i in range(2, 5):
        grown.add(X[i], normals[:, i])
    for found, expected in zip(grown.moments(X), at_once.moments(X), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    # At a conditioned point the function has its sampled value, and nothing is left to vary.
    mean, deviation = at_once.moments(X[:5])
    torch.testing.assert_close(mean.transpose(-1, -2), at_once.values())
    assert float(deviation.max()) < 1e-2


def test_sampled_values_have_the_posteriors_moments() -> None:
    found, _ = fitted(GpSurrogate(), noise=False)
    members = found.members[0]
    normals = torch.randn(20, 20_000, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    samples = members.sample(normals)[0] * members.scale + members.shift
    with torch.no_grad():
        posterior = found.to_botorch().models[0].posterior(members.X)
    deviation = posterior.variance.squeeze(-1).sqrt()
    assert float(((samples.mean(dim=0) - posterior.mean.squeeze(-1)) / deviation).abs().max()) < 0.05
    torch.testing.assert_close(samples.std(dim=0), deviation, rtol=0.05, atol=0)


def test_another_kernel_is_refused() -> None:
    X = torch.rand(4, 2, dtype=torch.float64)
    with pytest.raises(SurrogateError, match="Matern"):
        Members.of(SingleTaskGP(X, X[:, :1], covar_module=ScaleKernel(RBFKernel())))
