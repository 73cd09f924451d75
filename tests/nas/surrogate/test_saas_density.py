"""The fused density against the Pyro model, which is the specification."""

import numpy as np
import pytest
import torch
from pyro.infer.mcmc.util import initialize_model

from nas.surrogate.saas_density import SaasDensity
from nas.surrogate.saas_prior import PRIORS, SaasPrior, Vector
from nas.surrogate.saas_pyro import pyro_model


def data(n: int, d: int, seed: int) -> tuple[Vector, Vector]:
    rng = np.random.default_rng(seed)
    X = rng.random((n, d))
    return X, np.sin(5 * X[:, 0]) + 0.1 * rng.standard_normal(n)


def pyro_value_and_gradient(
    prior: SaasPrior, X: Vector, y: Vector, noise: Vector | None, z: Vector
) -> tuple[float, Vector]:
    """Log density and gradient by Pyro's own transforms and automatic differentiation."""
    model = pyro_model(
        prior, torch.from_numpy(X), torch.from_numpy(y), None if noise is None else torch.from_numpy(noise)
    )
    _, potential, _, _ = initialize_model(model)
    names = [name for name in ("mean", "noise") if not (name == "noise" and noise is not None)]
    if prior.mean_scale is None:
        names.remove("mean")
    names += ["outputscale", "tausq"]
    point = torch.from_numpy(z).requires_grad_()
    sites = {name: point[i] for i, name in enumerate(names)} | {"local": point[len(names) :]}
    value = -potential(sites)
    (gradient,) = torch.autograd.grad(value, point)
    return float(value.detach()), gradient.numpy()


@pytest.mark.parametrize("prior", PRIORS.values(), ids=PRIORS.keys())
@pytest.mark.parametrize("known_noise", [False, True])
@pytest.mark.parametrize(("n", "d"), [(1, 1), (7, 3), (60, 24)])
def test_density_and_gradient_equal_the_pyro_model(
    prior: SaasPrior, known_noise: bool, n: int, d: int
) -> None:
    X, y = data(n, d, seed=n)
    rng = np.random.default_rng(d)
    noise = rng.uniform(1e-3, 0.1, n) if known_noise else None
    density = SaasDensity(prior, X, y, noise)
    for _ in range(5):
        z = rng.uniform(-2, 2, density.layout.size)
        value, gradient = density(z)
        expected, expected_gradient = pyro_value_and_gradient(prior, X, y, noise, z)
        assert value == pytest.approx(expected, rel=1e-8, abs=1e-8)
        np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-8, atol=1e-8)


def test_duplicated_inputs_equal_the_pyro_model() -> None:
    X, y = data(20, 4, seed=0)
    X[10:] = X[:10]
    density = SaasDensity(PRIORS["botorch"], X, y)
    z = np.random.default_rng(1).uniform(-2, 2, density.layout.size)
    value, gradient = density(z)
    expected, expected_gradient = pyro_value_and_gradient(PRIORS["botorch"], X, y, None, z)
    assert value == pytest.approx(expected, rel=1e-8)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-8, atol=1e-8)


def test_gradient_is_the_slope_of_the_density_far_from_the_centre() -> None:
    X, y = data(30, 5, seed=3)
    density = SaasDensity(PRIORS["botorch"], X, y)
    z = np.random.default_rng(2).uniform(-6, 4, density.layout.size)
    gradient = density(z)[1].copy()
    step = 1e-5
    for i in range(len(z)):
        ahead, behind = z.copy(), z.copy()
        ahead[i] += step
        behind[i] -= step
        slope = (density(ahead)[0] - density(behind)[0]) / (2 * step)
        assert gradient[i] == pytest.approx(slope, rel=1e-5, abs=1e-5)


def test_covariance_that_is_not_positive_definite_has_zero_density() -> None:
    X, y = data(20, 2, seed=0)
    X[1:] = X[0]
    density = SaasDensity(PRIORS["botorch"], X, y)
    z = np.zeros(density.layout.size)
    z[density.layout.noise], z[density.layout.outputscale] = -40.0, 40.0
    value, gradient = density(z)
    assert value == -np.inf
    assert not gradient.any()


def test_extreme_hyperparameters_overflow_quietly() -> None:
    X, y = data(20, 3, seed=0)
    density = SaasDensity(PRIORS["botorch"], X, y)
    rng = np.random.default_rng(0)
    for scale in (20, 100, 400):
        for _ in range(20):
            value, gradient = density(rng.uniform(-scale, scale, density.layout.size))
            assert value < np.inf
            assert np.isfinite(gradient).all() or np.isfinite(value)
