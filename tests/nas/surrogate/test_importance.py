"""Importances and directions of functions whose indices and slopes are known in closed form."""

import math

import numpy as np
import pytest
import torch

from nas.space import CategoricalParameter, Condition, FloatParameter, IntegerParameter, Space
from nas.surrogate.direction import changes
from nas.surrogate.errors import SurrogateError
from nas.surrogate.gp import GpSurrogate
from nas.surrogate.importance import Array, Estimate, importances, sobol_indices
from nas.surrogate.observations import Observations
from nas.surrogate.paths import draw_paths
from nas.surrogate.saas import SaasSurrogate

# Of the Ishigami function with a = 7 and b = 0.1 (Ishigami and Homma 1990).
ISHIGAMI_FIRST = [0.3139, 0.4424, 0.0]
ISHIGAMI_TOTAL = [0.5576, 0.4424, 0.2437]


def ishigami(uniform: Array) -> Array:
    x = math.pi * (2 * uniform.T - 1)
    values: Array = np.sin(x[0]) + 7 * np.sin(x[1]) ** 2 + 0.1 * x[2] ** 4 * np.sin(x[0])
    return values


def test_the_estimators_give_the_ishigami_functions_indices() -> None:
    first, total = sobol_indices(
        lambda u: np.stack([ishigami(u), 5 - 3 * ishigami(u), np.ones(len(u))]),
        3,
        4096,
        np.random.default_rng(0),
    )
    for row in range(2):
        np.testing.assert_allclose(first[row], ISHIGAMI_FIRST, atol=0.02)
        np.testing.assert_allclose(total[row], ISHIGAMI_TOTAL, atol=0.02)
    assert not first[2].any()
    assert not total[2].any()


def inside(found: Estimate, true: list[float], slack: float) -> bool:
    return bool(((found.lower - slack <= true) & (true <= found.upper + slack)).all())


@pytest.mark.parametrize("surrogate", [GpSurrogate(), SaasSurrogate(warmup=96, samples=64, thinning=2)])
def test_a_fits_intervals_hold_the_true_indices(surrogate: GpSurrogate | SaasSurrogate) -> None:
    uniform = np.random.default_rng(1).random((50, 5))
    weights = np.array([3.0, 0.0, 2.0, 0.0, 1.0])
    Y = np.stack([uniform @ weights, uniform[:, 0] * (uniform[:, 1] > 0.5)], axis=1)
    posterior = surrogate.fit(Observations(*map(torch.from_numpy, (uniform, Y))), seed=0)
    linear, product = importances(posterior, lambda u: u, 5, seed=0)
    true = (weights**2 / (weights**2).sum()).tolist()
    assert inside(linear.first, true, 0.02)
    assert inside(linear.total, true, 0.02)
    assert linear.total.upper[1] < 0.1
    # Of x0 [x1 > 1/2]: an interaction, of which each alone explains less than both together.
    assert (product.total.median[:2] > product.first.median[:2] + 0.05).all()
    assert product.total.median[2:].max() < 0.1
    for one in (linear.first, linear.total, product.first, product.total):
        assert ((one.lower >= 0) & (one.lower <= one.median) & (one.median <= one.upper)).all()
        assert (one.upper <= 1).all()


def test_fewer_observations_give_wider_intervals() -> None:
    def width(n: int) -> float:
        X = torch.rand(n, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        posterior = GpSurrogate().fit(Observations(X, torch.sin(5 * X[:, :1])), seed=0)
        (found,) = importances(posterior, lambda u: u, 3, seed=0, draws=16)
        return float((found.total.upper - found.total.lower).max())

    assert width(5) > 2 * width(60)


def test_columns_of_a_choice_move_together_and_inactive_parameters_do_not_count() -> None:
    space = Space(
        (
            CategoricalParameter("kind", ("a", "b", "c")),
            IntegerParameter("layers", 1, 4),
            FloatParameter("rate", 0.0, 1.0),
        ),
        conditions={"rate": Condition("kind", ("c",))},
    )
    points = space.at_quantiles(np.random.default_rng(0).random((80, 3)))
    X = torch.from_numpy(space.encode(points))
    Y = torch.tensor(
        [[float(p["kind"] == "a"), p["layers"], p.get("rate", 0.5)] for p in points], dtype=X.dtype
    )
    posterior = GpSurrogate().fit(Observations(X, Y), seed=0)
    kind, layers, rate = importances(
        posterior, lambda u: space.encode(space.at_quantiles(u)), 3, seed=0, draws=16
    )
    assert kind.first.median[0] > 0.9
    assert layers.first.median[1] > 0.9
    # The rate varies in a third of the space only, and there alone: all of its share is an interaction.
    assert rate.total.median[2] > 0.8
    assert rate.first.median[2] == pytest.approx(1 / 3, abs=0.1)
    with pytest.raises(SurrogateError, match="other columns"):
        importances(posterior, lambda u: u, 3, seed=0)


def test_paths_have_the_posteriors_moments() -> None:
    generator = torch.Generator().manual_seed(0)
    X = torch.rand(12, 2, generator=generator, dtype=torch.float64)
    posterior = GpSurrogate().fit(Observations(X, torch.sin(4 * X[:, :1]) + X[:, 1:]), seed=0)
    (members,) = posterior.members
    at = torch.cat([X[:3], torch.rand(700, 2, generator=generator, dtype=torch.float64)])
    drawn = members.scale * draw_paths(members.repeated(600), np.random.default_rng(0))(at) + members.shift
    mean, variance = posterior.predict(at)
    deviation = variance.sqrt().squeeze(1)
    assert float(((drawn.mean(0) - mean.squeeze(1)) / deviation).abs().max()) < 0.25
    torch.testing.assert_close(drawn.std(0), deviation, rtol=0.2, atol=1e-4)


def test_a_steps_change_is_that_of_the_function_and_known_better_than_its_values() -> None:
    X = torch.rand(40, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    noise = 0.02 * torch.randn(40, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    posterior = SaasSurrogate(warmup=96, samples=64, thinning=2).fit(
        Observations(X, 100 * (2 * X[:, :1] - X[:, 1:2] + noise)), seed=0
    )
    start = torch.full((3,), 0.5, dtype=torch.float64)
    ends = start + torch.tensor([[0.1, 0, 0], [0, -0.1, 0], [0, 0, 0.1], [0, 0, 0]], dtype=torch.float64)
    (found,) = changes(posterior, start, ends)
    np.testing.assert_allclose(found.median, [20, 10, 0, 0], atol=2)
    assert inside(found, [20, 10, 0, 0], 0.5)
    _, variance = posterior.predict(start[None])
    assert found.upper[2] - found.lower[2] < 3.3 * float(variance.sqrt())
    backwards = found.times(-0.5)
    np.testing.assert_array_equal(backwards.upper, -0.5 * found.lower)
    np.testing.assert_array_equal(backwards.take([1]).median, -0.5 * found.median[1:2])
