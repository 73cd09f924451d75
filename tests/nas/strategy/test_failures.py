"""What failed and diverged trials tell."""

import numpy as np
import pytest
import torch
from torch import Tensor

from nas import Plan, optimise
from nas.benchmark.problems import PROBLEMS
from nas.strategy.failures import find_diverged, success_weight
from nas.strategy.sobol import SobolStrategy


def smooth(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    X = torch.rand(n, 6, generator=generator, dtype=torch.float64)
    noise = 0.01 * torch.randn(n, generator=generator, dtype=torch.float64)
    return X, 0.8 + 0.1 * torch.sin(3 * X[:, 0]) + 0.05 * X[:, 1] + noise


@pytest.mark.parametrize("n", [16, 64])
def test_diverged_trials_are_found_however_many_hide_each_other(n: int) -> None:
    X, y = smooth(n)
    bad = np.arange(n) % 8 == 3
    Y = torch.stack([torch.where(torch.from_numpy(bad), 0.0, y), y], dim=1)
    assert (find_diverged(X, Y) == bad).all()
    # In any unit.
    assert (find_diverged(X, 1e-9 * Y) == bad).all()


def test_ordinary_values_have_not_diverged() -> None:
    X, y = smooth(64)
    steep = -torch.exp(6 * X[:, 0])
    assert not find_diverged(X, torch.stack([y, steep], dim=1)).any()
    assert not find_diverged(X, torch.ones(64, 2, dtype=torch.float64)).any()
    assert not find_diverged(X[:1], y[:1, None]).any()
    history = optimise(PROBLEMS["simulated_search"](), SobolStrategy(), Plan(48, 48, 16))
    points = torch.from_numpy(history.space.encode([trial.point for trial in history.completed]))
    assert not find_diverged(points, torch.from_numpy(history.values(history.completed))).any()


def test_the_weight_is_low_where_trials_fail() -> None:
    X, _ = smooth(80)
    succeeded = (X[:, 2] < 0.8).numpy()
    weight = success_weight(X, succeeded)
    assert weight is not None
    points = torch.full((2, 6), 0.5, dtype=torch.float64)
    points[:, 2] = torch.tensor([0.3, 0.95])
    points.requires_grad_()
    inside, outside = weight(points)
    assert float(inside.detach().exp()) > 0.9
    assert float(outside.detach().exp()) < 0.2
    (gradient,) = torch.autograd.grad(outside, points)
    assert float(gradient[1, 2]) < 0


def test_without_failures_there_is_nothing_to_weigh() -> None:
    X, _ = smooth(10)
    assert success_weight(X, np.ones(10, dtype=np.bool_)) is None
    assert success_weight(X, np.zeros(10, dtype=np.bool_)) is None
