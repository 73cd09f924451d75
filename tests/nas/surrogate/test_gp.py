import torch
from torch import Tensor

from nas.surrogate.gp import GpSurrogate
from nas.surrogate.observations import Observations


def data(n: int, d: int = 4) -> tuple[Tensor, Tensor]:
    X = torch.rand(n, d, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return X, torch.stack([3 + torch.sin(4 * X[:, 0]), 100 * X[:, 1] ** 2], dim=1)


def test_it_predicts_in_the_objectives_own_units() -> None:
    X, Y = data(40)
    mean, variance = GpSurrogate().fit(Observations(X[:30], Y[:30]), seed=0).predict(X[30:])
    error = (mean - Y[30:]).square().mean(dim=0).sqrt()
    assert (error < 0.2 * Y.std(dim=0)).all()
    assert mean.shape == variance.shape == (10, 2)
