"""NUTS against distributions whose moments are known, and against Pyro's sampler."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from arviz_stats.base import array_stats
from pyro.infer import MCMC, NUTS
from scipy import stats

from nas.surrogate.nuts import (
    Chain,
    NutsConfig,
    Start,
    laplace_start,
    sample_chain,
    shrunk_covariance,
    windows,
)
from nas.surrogate.saas_density import SaasDensity
from nas.surrogate.saas_prior import PRIORS, Vector
from nas.surrogate.saas_pyro import pyro_model
from nas.surrogate.trajectory import Density


def gaussian(mean: Vector, covariance: Vector) -> Density:
    precision = np.linalg.inv(covariance)

    def density(z: Vector) -> tuple[float, Vector]:
        slope = -precision @ (z - mean)
        return 0.5 * float((z - mean) @ slope), slope

    return density


def sech(z: Vector) -> tuple[float, Vector]:
    """The logarithm of a half-Cauchy variable: exponential tails on both sides."""
    return -float(np.logaddexp(z, -z).sum()), -np.tanh(z)


def cold_chain(density: Density, size: int, config: NutsConfig, seed: int) -> Chain:
    rng = np.random.default_rng(seed)
    start = laplace_start(density, rng.uniform(-2, 2, size), rng)
    return sample_chain(density, start, config, rng, warm=False)


@pytest.mark.parametrize("dense", [True, False])
def test_moments_of_a_correlated_gaussian(dense: bool) -> None:
    rng = np.random.default_rng(0)
    root = rng.standard_normal((4, 4))
    mean, covariance = np.array([3.0, -1.0, 0.0, 10.0]), root @ root.T + 0.1 * np.eye(4)
    config = NutsConfig(warmup=300, samples=4000, dense_mass=dense)
    draws = cold_chain(gaussian(mean, covariance), 4, config, seed=1).draws
    scale = np.sqrt(np.diag(covariance))
    assert np.abs((draws.mean(0) - mean) / scale).max() < 0.1
    assert np.abs((np.cov(draws.T) - covariance) / np.outer(scale, scale)).max() < 0.12


def test_quantiles_of_a_heavy_tailed_target() -> None:
    draws = cold_chain(sech, 5, NutsConfig(warmup=300, samples=4000), seed=2).draws
    for i in range(5):
        # Thinned to near independence, so that the test's level holds.
        assert stats.kstest(np.exp(draws[::8, i]), stats.halfcauchy.cdf).pvalue > 1e-3


def test_reported_log_density_and_energy_belong_to_the_draws() -> None:
    density = gaussian(np.zeros(3), np.eye(3))
    chain = cold_chain(density, 3, NutsConfig(warmup=100, samples=50), seed=3)
    np.testing.assert_allclose(chain.log_density, [density(z)[0] for z in chain.draws])
    # A trajectory starts with a kinetic energy above zero from the draw before it.
    assert (chain.energy[1:] > -chain.log_density[:-1]).all()
    assert (chain.leapfrogs <= 2**chain.depth - 1).all()


def test_warm_start_keeps_the_mass_matrix_and_the_distribution() -> None:
    covariance = np.diag([1e-4, 1.0, 100.0])
    density = gaussian(np.zeros(3), covariance)
    first = cold_chain(density, 3, NutsConfig(warmup=200, samples=100), seed=4)
    config = NutsConfig(warm_warmup=30, samples=3000)
    warm = sample_chain(density, first.end, config, np.random.default_rng(5), warm=True)
    np.testing.assert_array_equal(warm.end.inverse_mass, first.end.inverse_mass)
    assert np.abs(warm.draws.std(0) / np.sqrt(np.diag(covariance)) - 1).max() < 0.1


def test_same_seed_same_chain() -> None:
    config = NutsConfig(warmup=40, samples=20)
    one, two, other = (cold_chain(sech, 3, config, seed).draws for seed in (7, 7, 8))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


def test_a_cliff_is_reported_as_divergence() -> None:
    def cliff(z: Vector) -> tuple[float, Vector]:
        return (-0.5 * float(z @ z), -z) if z[0] < 1 else (-np.inf, np.zeros_like(z))

    start = Start(np.array([0.9, 0.0]), 1.0, np.eye(2))
    chain = sample_chain(cliff, start, NutsConfig(samples=100), np.random.default_rng(0), warm=True)
    assert chain.diverging.any()
    assert (chain.draws[:, 0] < 1).all()


@pytest.mark.parametrize("warmup", [20, 75, 150, 512, 1000])
def test_windows_are_adjoining_and_end_before_the_warmup(warmup: int) -> None:
    found = list(windows(warmup))
    assert all(one[1] == two[0] for one, two in pairwise(found))
    assert found[0][0] > 0
    assert found[-1][1] < warmup


def test_a_short_window_keeps_the_metric_positive_definite() -> None:
    draws = np.random.default_rng(0).standard_normal((5, 30))
    previous = np.diag(np.linspace(0.1, 10, 30))
    assert np.linalg.eigvalsh(shrunk_covariance(draws, previous, dense=True)).min() > 0.05


@pytest.mark.long
def test_moments_agree_with_pyro() -> None:
    rng = np.random.default_rng(0)
    X = rng.random((10, 2))
    y = np.sin(4 * X[:, 0]) + 0.2 * rng.standard_normal(10)
    y = (y - y.mean()) / y.std()
    density = SaasDensity(PRIORS["botorch"], X, y)
    ours = cold_chain(density, density.layout.size, NutsConfig(warmup=500, samples=8000), seed=1).draws

    model = pyro_model(PRIORS["botorch"], torch.from_numpy(X), torch.from_numpy(y))
    torch.manual_seed(0)
    kernel = NUTS(model, jit_compile=True, ignore_jit_warnings=True, full_mass=True)
    mcmc = MCMC(kernel, num_samples=400, warmup_steps=200, disable_progbar=True)
    mcmc.run()
    sites = {name: value.numpy() for name, value in mcmc.get_samples().items()}
    columns = [sites["mean"], *(np.log(sites[name]) for name in ("noise", "outputscale", "tausq"))]
    theirs = np.column_stack([*columns, np.log(sites["local"])])
    for i in range(density.layout.size):
        parts = [d[:, i].std() / np.sqrt(float(array_stats.ess(d[None, :, i]))) for d in (ours, theirs)]
        assert abs(ours[:, i].mean() - theirs[:, i].mean()) < 4 * np.hypot(*parts)
        assert ours[:, i].std() == pytest.approx(theirs[:, i].std(), rel=0.3)
