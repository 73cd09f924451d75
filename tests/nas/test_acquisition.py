import warnings

import numpy as np
import pytest
import torch
from botorch.acquisition.multi_objective.monte_carlo import qNoisyExpectedHypervolumeImprovement
from botorch.sampling.normal import SobolQMCNormalSampler
from botorch.utils.multi_objective.hypervolume import Hypervolume
from scipy import stats
from scipy.integrate import quad
from torch import Tensor

from nas.acquisition import LogNoisyExpectedHypervolumeImprovement
from nas.fronts import fronts, log_h
from nas.surrogate import Surrogate
from nas.surrogate.gp import GpSurrogate
from nas.surrogate.map_saas import MapSaasSurrogate
from nas.surrogate.observations import Observations
from nas.surrogate.saas import SaasSurrogate


def data() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    X = torch.rand(30, 4, dtype=torch.float64, generator=generator)
    Y = torch.stack([torch.sin(3 * X[:, 0]) + X[:, 1], -(X[:, 0] ** 2) - X[:, 2] * X[:, 1]], dim=1)
    noise = torch.randn(Y.shape, dtype=torch.float64, generator=generator)
    return X, 1 + torch.tensor([3.0, 0.5]) * (Y + 0.1 * noise), torch.tensor([3.0, 0.4], dtype=torch.float64)


SURROGATES = [GpSurrogate(), MapSaasSurrogate(), SaasSurrogate(warmup=64, samples=64)]


@pytest.mark.parametrize("surrogate", SURROGATES, ids=lambda s: type(s).__name__)
def test_it_is_botorchs_nehvi(surrogate: Surrogate) -> None:
    X, Y, reference = data()
    posterior = surrogate.fit(Observations(X, Y), seed=0)
    pending = torch.rand(2, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    candidates = torch.rand(40, 1, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    # One estimate has few samples, so its error is up to a tenth; the mean of many shows that it has no bias.
    estimates = []
    for seed in range(32):
        ours = LogNoisyExpectedHypervolumeImprovement(
            posterior, reference, pending=pending[:1], batch=1, seed=seed
        )
        ours.add_pending(pending[1])
        estimates.append(ours(candidates).detach().exp())
    found = torch.stack(estimates).mean(dim=0)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        theirs = qNoisyExpectedHypervolumeImprovement(
            posterior.to_botorch(),
            reference,
            X,
            sampler=SobolQMCNormalSampler(torch.Size([1024]), seed=1),
            X_pending=pending,
            prune_baseline=False,
            cache_root=False,
        )
        expected = theirs(candidates).reshape(40, -1).mean(dim=1)
    # Both are Monte Carlo estimates; the largest values are those that their samples resolve.
    large = expected > 0.1 * expected.max()
    assert int(large.sum()) >= 3
    torch.testing.assert_close(found[large], expected[large], rtol=0.08, atol=0)
    assert bool((found[expected < 1e-4] < 1e-3).all())


def test_its_gradient_is_that_of_finite_differences_also_where_nothing_improves() -> None:
    X, Y, reference = data()
    acquisition = LogNoisyExpectedHypervolumeImprovement(
        GpSurrogate().fit(Observations(X, Y), seed=0), reference, pending=X[:0], batch=1, seed=0
    )
    candidates = torch.rand(20, 1, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    order = acquisition(candidates).argsort()
    some = candidates[order[[2, 5, 10, -1]]].requires_grad_(True)
    assert float(acquisition(some).min().detach()) < -40
    assert torch.autograd.gradcheck(acquisition, (some,), eps=1e-7, atol=1e-4, rtol=1e-2)
    # Nor does an observed point divide by zero.
    observed = X[:3].unsqueeze(1).requires_grad_(True)
    (gradient,) = torch.autograd.grad(acquisition(observed).sum(), observed)
    assert bool(gradient.isfinite().all())


def test_a_pending_point_lowers_the_improvement_that_is_left_there() -> None:
    X, Y, reference = data()
    acquisition = LogNoisyExpectedHypervolumeImprovement(
        MapSaasSurrogate().fit(Observations(X, Y), seed=0), reference, pending=X[:0], batch=1, seed=0
    )
    candidates = torch.rand(64, 1, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        before = acquisition(candidates)
        best = candidates[before.argmax()]
        acquisition.add_pending(best[0])
        after = acquisition(candidates)
    assert float(after[before.argmax()]) < float(before.max()) - 0.5
    promising = before > before.max() - 5
    assert bool((after <= before + 0.1)[promising].all())


@pytest.mark.parametrize("size", [0, 1, 7])
def test_fronts_have_the_hypervolume_of_their_points(size: int) -> None:
    points = torch.randn(5, 3, size, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(size))
    edges, floors = fronts(points[..., 0], points[..., 1], [-0.5, -0.7])
    # The strips between floors, from the reference to the edge: the area that the front dominates.
    area = ((edges[..., :-1] + 0.5) * floors.diff(dim=-1)).sum(dim=-1)
    assert edges.shape == floors.shape == (5, 3, edges.shape[-1])
    assert edges.shape[-1] >= 1
    hypervolume = Hypervolume(torch.tensor([-0.5, -0.7], dtype=torch.float64))
    for index in np.ndindex(5, 3):
        front = points[index]
        inside = front[(front > hypervolume.ref_point).all(dim=-1)]
        assert float(area[index]) == pytest.approx(hypervolume.compute(inside) if len(inside) else 0.0)


@pytest.mark.parametrize("z", [-2e4, -9999.0, -50.0, -8.0, -1.0, 0.0, 3.0, 7.9, 8.1, 100.0])
def test_log_h_is_the_logarithm_of_the_integral_of_the_normal_distribution(z: float) -> None:
    argument = torch.tensor([z], dtype=torch.float64, requires_grad=True)
    value = log_h(argument)
    (slope,) = torch.autograd.grad(value.sum(), argument)
    # h(z) = integral of Phi up to z = phi(z) * integral over t > 0 of t exp(-t^2 / 2 + t z).
    if z < 0:
        integral, _ = quad(lambda u: u * np.exp(-0.5 * (u / z) ** 2 - u), 0, 60)
        expected = stats.norm.logpdf(z) + np.log(integral / z**2)
    else:
        expected = np.log(stats.norm.pdf(z) + z * stats.norm.cdf(z))
    assert float(value.detach()) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert float(slope) == pytest.approx(np.exp(stats.norm.logcdf(z) - expected), rel=1e-6)
