import itertools
from unittest import mock

import pytest
import torch
from torch import Tensor
from torch.quasirandom import SobolEngine

from nas.acquisition import LogNoisyExpectedHypervolumeImprovement
from nas.candidates import choose_batch
from nas.space import CategoricalParameter, FloatParameter, IntegerParameter, OrderedParameter, Point, Space
from nas.surrogate.gp import GpSurrogate
from nas.surrogate.map_saas import MapSaasSurrogate
from nas.surrogate.observations import Observations
from nas.surrogate.posterior import Posterior
from nas.surrogate.saas import SaasSurrogate


def choose(
    posterior: Posterior,
    space: Space,
    reference: Tensor,
    count: int,
    seed: int = 0,
    trust_region: float | None = None,
) -> list[Point]:
    """A batch where the observed points are all that is known."""
    X = posterior.members[0].X
    known = {space.key(point) for point in space.decode(X.numpy())}
    return choose_batch(
        posterior,
        space,
        pending=X[:0],
        known=known,
        reference=reference,
        count=count,
        seed=seed,
        trust_region=trust_region,
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


def far(points: Tensor, observed: Tensor, width: float) -> Tensor:
    """How many of each point's columns are further than the width from the same observed or earlier point,
    and are no observed point's own value; the fewest over those points.
    """
    fewest = []
    for i, point in enumerate(points):
        centres = torch.cat([observed, points[:i]])
        own = (point == observed).any(dim=0)
        fewest.append((((centres - point).abs() > width) & ~own).sum(dim=1).amin())
    return torch.stack(fewest)


def test_in_a_trust_region_points_stay_near_the_observed_or_earlier_ones() -> None:
    space = Space(tuple(FloatParameter(f"x{i}", 0.0, 1.0) for i in range(12)))
    X = torch.from_numpy(space.encode(space.decode(SobolEngine(12, seed=0).draw(16).double().numpy())))
    Y = torch.stack([-(X - 0.4).square().sum(dim=1), X[:, 0] - (X[:, 1:] - 0.6).square().sum(dim=1)], dim=1)
    posterior, reference = GpSurrogate().fit(Observations(X, Y), seed=0), Y.median(dim=0).values

    def chosen(trust_region: float | None) -> Tensor:
        points = choose(posterior, space, reference, 6, trust_region=trust_region)
        return torch.from_numpy(space.encode(points))

    assert (far(chosen(0.2), X, 0.2 + 1e-5) == 0).all()
    assert (far(chosen(None), X, 0.2 + 1e-5) > 0).any()


def test_a_trust_region_holds_all_single_steps_and_no_more_of_discrete_parameters() -> None:
    kinds = CategoricalParameter("kind", ("a", "b", "c"))
    space = Space((IntegerParameter("size", 1, 30), kinds, IntegerParameter("few", 0, 1)))
    observed: list[Point] = [{"size": size, "kind": "a", "few": 0} for size in (3, 9, 12, 27)]
    X = torch.from_numpy(space.encode(observed))
    Y = torch.stack([X[:, 0], 1 - X[:, 0] ** 2], dim=1)
    posterior, reference = GpSurrogate().fit(Observations(X, Y), seed=0), Y.min(dim=0).values - 1

    def furthest(trust_region: float | None) -> int:
        sizes = [int(point["size"]) for point in observed]
        steps = []
        for point in choose(posterior, space, reference, 8, trust_region=trust_region):
            steps.append(min(abs(size - int(point["size"])) for size in sizes))
            sizes.append(int(point["size"]))
        return max(steps)

    assert furthest(1e-3) == 1
    assert furthest(None) > 1
    points = choose(posterior, space, reference, 8, trust_region=1e-3)
    assert {point["kind"] for point in points} == {"a", "b", "c"}
    assert {point["few"] for point in points} == {0, 1}


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
