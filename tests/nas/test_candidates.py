import itertools
from unittest import mock

import pytest
import torch
from torch import Tensor
from torch.quasirandom import SobolEngine

from nas.acquisition import LogNoisyExpectedHypervolumeImprovement
from nas.candidates import choose_batch
from nas.space import FloatParameter, IntegerParameter, OrderedParameter, Point, Space
from nas.surrogate.gp import GpSurrogate
from nas.surrogate.map_saas import MapSaasSurrogate
from nas.surrogate.observations import Observations
from nas.surrogate.posterior import Posterior
from nas.surrogate.saas import SaasSurrogate


def choose(posterior: Posterior, space: Space, reference: Tensor, count: int, seed: int = 0) -> list[Point]:
    """A batch where the observed points are all that is known."""
    X = posterior.members[0].X
    known = {space.key(point) for point in space.decode(X.numpy())}
    return choose_batch(
        posterior, space, pending=X[:0], known=known, reference=reference, count=count, seed=seed
    )


def test_in_a_small_discrete_space_it_finds_the_best_point_that_is_not_known() -> None:
    space = Space(
        (IntegerParameter("a", 1, 6), OrderedParameter("b", (1, 2, 4, 8)), IntegerParameter("c", 0, 4))
    )
    points = [{"a": a, "b": b, "c": c} for a, b, c in itertools.product(range(1, 7), (1, 2, 4, 8), range(5))]
    X = torch.from_numpy(space.encode(points))
    observed = torch.randperm(len(X), generator=torch.Generator().manual_seed(1))[:16]
    Y = torch.stack([X.sum(dim=1) + torch.sin(5 * X[:, 0]), -(X[:, 0] ** 2) - X[:, 1]], dim=1)
    posterior = GpSurrogate().fit(Observations(X[observed], Y[observed]), seed=0)
    reference = Y.min(dim=0).values
    (chosen,) = choose(posterior, space, reference, 1, seed=3)
    acquisition = LogNoisyExpectedHypervolumeImprovement(posterior, reference, pending=X[:0], batch=1, seed=3)
    others = torch.tensor([i for i in range(len(X)) if i not in observed.tolist()])
    with torch.no_grad():
        values = acquisition(X[others].unsqueeze(1))
    best = points[int(others[int(values.argmax())])]
    assert chosen == best


def test_continuous_parameters_are_optimised_beside_discrete_ones() -> None:
    space = Space((IntegerParameter("a", 1, 3), FloatParameter("x", 0.0, 1.0)))
    X = torch.from_numpy(space.encode(space.decode(torch.rand(20, 2, dtype=torch.float64).numpy())))
    Y = torch.stack([1 - (X[:, 1] - 0.3) ** 2 + X[:, 0], 1 - (X[:, 1] - 0.3) ** 2 - X[:, 0]], dim=1)
    posterior = GpSurrogate().fit(Observations(X, Y), seed=0)
    points = choose(posterior, space, Y.min(dim=0).values, 3)
    assert len({space.key(point) for point in points}) == 3
    assert abs(float(points[0]["x"]) - 0.3) < 0.15


def test_the_number_of_threads_changes_no_point() -> None:
    space = Space((IntegerParameter("a", 1, 3), *(FloatParameter(f"x{i}", 0.0, 1.0) for i in range(9))))
    X = torch.rand(120, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    Y = torch.stack([X[:, 1] * X[:, 2], (3 * X[:, 0]).cos() - X[:, 1]], dim=1)
    posterior = MapSaasSurrogate(8).fit(Observations(X, Y), seed=0)

    def suggest(threads: int) -> list[Point]:
        with mock.patch("nas.candidates.fastest_threads", return_value=(threads, 0.0)):
            return choose(posterior, space, Y.median(0).values, 3)

    assert suggest(1) == suggest(2)


@pytest.mark.slow
def test_parameters_without_effect_take_an_observed_points_values() -> None:
    space = Space(tuple(FloatParameter(f"x{i}", 0.0, 1.0) for i in range(10)))
    X = torch.from_numpy(
        space.encode(space.decode(SobolEngine(10, scramble=True, seed=0).draw(48).double().numpy()))
    )
    Y = torch.stack([torch.sin(4 * X[:, 0]), torch.cos(4 * X[:, 0]) - X[:, 1]], dim=1)
    posterior = SaasSurrogate(warmup=128, samples=64, thinning=8).fit(Observations(X, Y), seed=0)
    points = choose(posterior, space, Y.median(0).values, 2)
    chosen = torch.from_numpy(space.encode(points))
    # Equal in most of the eight parameters without effect to one and the same observed point.
    alike = (chosen[:, None, 2:] == X[None, :, 2:]).sum(-1).amax(dim=1)
    assert (alike >= 6).all()
