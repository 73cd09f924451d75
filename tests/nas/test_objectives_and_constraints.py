"""One objective, three, and constraints: against BoTorch and against plain Monte Carlo."""

import warnings
from typing import Any

import pytest
import torch
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
from botorch.acquisition.multi_objective.objective import IdentityMCMultiOutputObjective
from botorch.sampling.normal import SobolQMCNormalSampler
from botorch.utils.multi_objective.hypervolume import Hypervolume
from torch import Tensor

from nas import acquisition
from nas.acquisition import LogNoisyExpectedHypervolumeImprovement
from nas.candidates import choose_batch
from nas.fronts import boxes
from nas.space import FloatParameter, IntegerParameter, Space
from nas.surrogate.errors import SurrogateError
from nas.surrogate.gp import GpSurrogate
from nas.surrogate.map_saas import MapSaasSurrogate
from nas.surrogate.observations import Observations
from nas.surrogate.posterior import Posterior

SMOOTH: dict[str, Any] = {"tau_relu": 1e-6, "tau_max": 1e-5, "fat": False}


def data(n: int = 20) -> tuple[Tensor, Tensor]:
    """Inputs, and three objectives and a slack that is negative for some of them."""
    generator = torch.Generator().manual_seed(0)
    X = torch.rand(n, 3, dtype=torch.float64, generator=generator)
    Y = torch.stack(
        [
            torch.sin(3 * X[:, 0]) + X[:, 1],
            -4 * (X[:, 0] ** 2) - X[:, 2],
            X[:, 2] + torch.cos(2 * X[:, 1]),
            0.3 + X[:, 1] - X[:, 0],
        ],
        dim=1,
    )
    return X, Y + 0.1 * torch.randn(Y.shape, dtype=torch.float64, generator=generator)


def candidates() -> Tensor:
    return torch.rand(24, 1, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


def fitted(*columns: int) -> tuple[Posterior, Tensor, Tensor]:
    X, Y = data()
    return GpSurrogate().fit(Observations(X, Y[:, list(columns)]), seed=0), X, Y


@pytest.fixture
def _many_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search makes do with fewer; these decide how close two estimates must be."""
    monkeypatch.setattr(acquisition, "SAMPLES", 4096)
    monkeypatch.setattr(acquisition, "SAMPLES_OF_MANY", 192)


def ours(posterior: Posterior, reference: Tensor, *, constraints: int) -> Tensor:
    found = LogNoisyExpectedHypervolumeImprovement(
        posterior,
        reference,
        pending=candidates()[:1, 0] + 0.01,
        constraints=constraints,
        batch=1,
        seed=0,
    )
    with torch.no_grad():
        return found(candidates()).exp()


def compare(found: Tensor, expected: Tensor) -> None:
    """Where BoTorch's samples resolve the value."""
    large = expected > 0.1 * expected.max()
    assert int(large.sum()) >= 3
    torch.testing.assert_close(found[large], expected[large], rtol=0.12, atol=0)


@pytest.mark.usefixtures("_many_samples")
@pytest.mark.parametrize(("columns", "constraints"), [((0, 1, 2), 0), ((0, 1, 3), 1)], ids=str)
def test_several_objectives_are_botorchs_nehvi(columns: tuple[int, ...], constraints: int) -> None:
    posterior, X, Y = fitted(*columns)
    m = len(columns) - constraints
    reference = Y[:, list(columns)[:m]].quantile(0.2, dim=0)
    found = ours(posterior, reference, constraints=constraints)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        theirs = qLogNoisyExpectedHypervolumeImprovement(
            posterior.to_botorch(),
            reference,
            X,
            sampler=SobolQMCNormalSampler(torch.Size([256]), seed=1),
            objective=IdentityMCMultiOutputObjective(outcomes=list(range(m))),
            constraints=[lambda Z: -Z[..., -1]] if constraints else None,
            eta=1e-3,
            X_pending=candidates()[:1, 0] + 0.01,
            prune_baseline=False,
            cache_root=False,
            **SMOOTH,
        )
        compare(found, theirs(candidates()).exp())


@pytest.mark.usefixtures("_many_samples")
def test_one_objective_is_botorchs_noisy_expected_improvement() -> None:
    posterior, X, _ = fitted(1)
    found = ours(posterior, torch.tensor([1e3], dtype=torch.float64), constraints=0)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        theirs = qLogNoisyExpectedImprovement(
            posterior.to_botorch().models[0],
            X,
            sampler=SobolQMCNormalSampler(torch.Size([2048]), seed=1),
            X_pending=candidates()[:1, 0] + 0.01,
            prune_baseline=False,
            cache_root=False,
            **SMOOTH,
        )
        compare(found, theirs(candidates()).exp())


@pytest.mark.usefixtures("_many_samples")
def test_one_constrained_objective_is_the_expectation_over_joint_samples() -> None:
    posterior, X, Y = fitted(1, 3)
    reference = Y[:, 1].quantile(0.2, dim=0, keepdim=True)
    pending = candidates()[:1, 0] + 0.01
    found = ours(posterior, reference, constraints=1)
    points = torch.cat([X, pending])
    expected = []
    models = posterior.to_botorch().models
    with torch.no_grad():
        for x in candidates():
            joint = torch.cat([points, x])
            value, slack = (
                model.posterior(joint).rsample(torch.Size([4096])).squeeze(-1) for model in models
            )
            best = value[:, :-1].masked_fill(slack[:, :-1] < 0, -torch.inf).amax(dim=-1)
            best = torch.where(best.isinf(), reference, best)
            gain = (value[:, -1] - best).clamp_min(0) * (slack[:, -1] >= 0)
            expected.append(gain.mean())
    compare(found, torch.stack(expected))


@pytest.mark.parametrize("m", [1, 2, 3])
def test_where_nothing_is_feasible_it_looks_for_feasibility(m: int) -> None:
    X, Y = data()
    slack = X[:, :1] - 1.2 + 0.1 * torch.sin(20 * X[:, 1:2])
    posterior = MapSaasSurrogate(2).fit(Observations(X, torch.cat([Y[:, :m], slack], dim=1)), seed=0)
    space = Space(tuple(FloatParameter(name, 0.0, 1.0) for name in "abc"))
    known = {space.key(point) for point in space.decode(X.numpy())}
    reference = Y[:, :m].min(dim=0).values - 1
    (point,) = choose_batch(
        posterior, space, pending=X[:0], known=known, reference=reference, constraints=1, count=1, seed=0
    )
    assert float(point["a"]) > 0.8


def test_a_batch_of_three_objectives_and_a_constraint_has_new_points_of_the_space() -> None:
    X, Y = data(30)
    space = Space((FloatParameter("a", 0.0, 1.0), IntegerParameter("b", 1, 9), FloatParameter("c", 0.0, 1.0)))
    X = torch.from_numpy(space.encode(space.decode(X.numpy())))
    posterior = GpSurrogate().fit(Observations(X, Y), seed=0)
    known = {space.key(point) for point in space.decode(X.numpy())}
    points = choose_batch(
        posterior,
        space,
        pending=X[:0],
        known=known,
        reference=Y[:, :3].quantile(0.3, dim=0),
        constraints=1,
        count=2,
        seed=0,
    )
    assert len({space.key(point) for point in points} - known) == 2


@pytest.mark.parametrize("m", [1, 3])
def test_its_gradient_is_that_of_finite_differences(m: int) -> None:
    posterior, X, Y = fitted(*range(m), 3)
    function = LogNoisyExpectedHypervolumeImprovement(
        posterior, Y[:, :m].quantile(0.3, dim=0), pending=X[:0], constraints=1, batch=1, seed=0
    )
    some = candidates()[:3].requires_grad_(True)
    assert torch.autograd.gradcheck(function, (some,), eps=1e-7, atol=1e-4, rtol=1e-2)


@pytest.mark.parametrize("size", [0, 1, 6])
def test_boxes_leave_what_the_front_dominates(size: int) -> None:
    values = torch.randn(2, 2, size, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(size))
    reference, top = [-0.5, -0.7, -0.6], 5.0
    lower, upper, empty = boxes(values, reference)
    volumes = (upper.clamp_max(top) - lower).prod(dim=-1).masked_fill(empty, 0.0).sum(dim=-1)
    point = torch.tensor(reference, dtype=torch.float64)
    for i in range(2):
        for j in range(2):
            inside = values[i, j][(values[i, j] > point).all(dim=-1)]
            dominated = Hypervolume(point).compute(inside) if len(inside) else 0.0
            assert float(volumes[i, j]) == pytest.approx(float((top - point).prod()) - dominated)


def test_a_reference_point_of_other_objectives_is_refused() -> None:
    posterior, X, _ = fitted(0, 1)
    with pytest.raises(SurrogateError, match="3 values, and there are 2 objectives"):
        LogNoisyExpectedHypervolumeImprovement(posterior, torch.zeros(3), pending=X[:0], batch=1, seed=0)
