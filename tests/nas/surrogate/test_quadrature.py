"""The sampler against numerical integration, under the paper's prior."""

import numpy as np
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from nas.surrogate.chains import climb_from
from nas.surrogate.nuts import NutsConfig, laplace_start, sample_chain
from nas.surrogate.saas_density import SaasDensity
from nas.surrogate.saas_prior import PRIORS

Vector = NDArray[np.float64]


def log_half_cauchy(z: Vector, scale: float) -> Vector:
    """Log density of the logarithm of a half-Cauchy variable, up to a constant."""
    shifted = z - np.log(scale)
    return np.asarray(-np.logaddexp(shifted, -shifted))


@pytest.mark.slow
def test_draws_have_the_posteriors_moments() -> None:
    # With one input the likelihood depends on three numbers, which a grid can hold: the noise, the signal
    # variance, and the product of both shrinkages. A clear signal leaves the posterior one mode.
    prior = PRIORS["paper"]
    rng = np.random.default_rng(0)
    X = rng.random((15, 1))
    y = np.sin(5 * X[:, 0]) + 0.1 * rng.standard_normal(15)
    y = (y - y.mean()) / y.std(ddof=1)
    noise, scale, rho = np.linspace(-16, 3, 77), np.linspace(-6, 40, 93), np.linspace(-20, 10, 91)
    inner = np.linspace(-50, 50, 1001)
    log_density = np.empty((len(noise), len(scale), len(rho)))
    for k, value in enumerate(rho):
        distance = np.sqrt(5 * np.exp(value)) * np.abs(X - X.T)
        spectrum, axes = np.linalg.eigh((1 + distance + distance**2 / 3) * np.exp(-distance))
        variance = np.exp(scale)[:, None] * np.maximum(spectrum, 0)
        variance = variance + (prior.noise_floor + np.exp(noise))[:, None, None]
        log_density[:, :, k] = -0.5 * ((axes.T @ y) ** 2 / variance + np.log(variance)).sum(-1)
        tau = log_half_cauchy(inner, prior.tau_scale) + log_half_cauchy(value - inner, 1.0)
        log_density[:, :, k] += np.log(np.exp(tau).sum())
    log_density -= 0.5 * (noise[:, None, None] / 10) ** 2 + 0.5 * (scale[:, None] / 10) ** 2
    weight = np.exp(log_density - log_density.max())
    weight /= weight.sum()

    density = SaasDensity(prior, X, y, None)
    draws = []
    for seed in range(2):
        own = np.random.default_rng(seed)
        start = laplace_start(density, climb_from(density, own), own)
        config = NutsConfig(warmup=300, samples=1500)
        with threadpool_limits(1):
            draws.append(sample_chain(density, start, config, own, warm=False).draws)
    found = np.concatenate(draws)
    found = np.column_stack([found[:, 0], found[:, 1], found[:, 2] + found[:, 3]])
    for axis, grid in enumerate((noise, scale, rho)):
        marginal = weight.sum(axis=tuple(i for i in range(3) if i != axis))
        mean = float(marginal @ grid)
        deviation = float(np.sqrt(marginal @ (grid - mean) ** 2))
        assert abs(found[:, axis].mean() - mean) < 0.2 * deviation
        assert found[:, axis].std() == pytest.approx(deviation, rel=0.2)
