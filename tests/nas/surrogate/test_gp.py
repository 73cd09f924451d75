import pytest
import torch
from torch import Tensor

from nas.surrogate.gp import GpSurrogate


def data(n: int, d: int = 4) -> tuple[Tensor, Tensor]:
    X = torch.rand(n, d, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return X, torch.stack([3 + torch.sin(4 * X[:, 0]), 100 * X[:, 1] ** 2], dim=1)


def test_it_predicts_in_the_objectives_own_units() -> None:
    X, Y = data(40)
    model = GpSurrogate().fit(X[:30], Y[:30], seed=0)
    posterior = model.posterior(X[30:])
    error = (posterior.mean - Y[30:]).square().mean(dim=0).sqrt()
    assert (error < 0.2 * Y.std(dim=0)).all()
    assert posterior.mean.shape == posterior.variance.shape == (10, 2)


def test_it_is_reproducible_and_leaves_the_global_generator_alone() -> None:
    X, Y = data(12)
    before = torch.get_rng_state()
    first, second = (GpSurrogate().fit(X, Y, seed=7).posterior(X).mean for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("case", ["one point", "constant", "duplicates", "outlier", "known noise"])
def test_degenerate_data_gives_finite_predictions(case: str) -> None:
    X, Y = data(1 if case == "one point" else 12)
    Yvar = None
    if case == "constant":
        Y[:, 0] = 2.0
    elif case == "duplicates":
        X = X[:1].repeat(12, 1)
    elif case == "outlier":
        Y[3, 1] = 1e6
    elif case == "known noise":
        Yvar = torch.full_like(Y, 1e-4)
    posterior = GpSurrogate().fit(X, Y, Yvar, seed=0).posterior(torch.rand(5, 4, dtype=torch.float64))
    assert posterior.mean.isfinite().all()
    assert (posterior.variance >= 0).all()
