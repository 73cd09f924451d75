"""Closed-form leave-one-out against conditioning on the other points, and against refits."""

import numpy as np
import pytest
import torch
from torch import Tensor

from nas.surrogate.crossval import closed_form, leave_one_out
from nas.surrogate.errors import SurrogateError
from nas.surrogate.gp import GpSurrogate
from nas.surrogate.map_saas import MapSaasSurrogate
from nas.surrogate.observations import Observations
from nas.surrogate.saas import SaasSurrogate


def data(n: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    X = torch.rand(n, 2, generator=generator, dtype=torch.float64)
    y = 50 + 10 * torch.sin(4 * X[:, :1])
    return X, y + torch.randn(n, 1, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("surrogate", [GpSurrogate(), MapSaasSurrogate(3)], ids=["gp", "map_saas"])
def test_closed_form_equals_conditioning_on_the_others(surrogate: GpSurrogate | MapSaasSurrogate) -> None:
    X, y = data(8)
    posterior = surrogate.fit(Observations(X, y), seed=0)
    mean, variance, observed = closed_form(posterior.members[0])
    model = posterior.to_botorch().models[0]
    covariance = model.likelihood(model.forward(model.train_inputs[0])).covariance_matrix.detach()
    prior = model.forward(model.train_inputs[0]).mean.detach()
    covariance, prior = covariance.reshape(-1, 8, 8), prior.reshape(-1, 8)
    for member in range(len(prior)):
        for i in range(8):
            others = [j for j in range(8) if j != i]
            row = covariance[member, i, others]
            solved = torch.linalg.solve(covariance[member][others][:, others], row)
            residual = torch.from_numpy(observed)[others] - prior[member, others]
            assert mean[member, i] == pytest.approx(float(prior[member, i] + solved @ residual))
            assert variance[member, i] == pytest.approx(float(covariance[member, i, i] - solved @ row))


def test_weights_stand_for_refits_without_the_point() -> None:
    X, y = data(14)
    settings = {"warmup": 200, "samples": 1200, "thinning": 4}
    (result,) = leave_one_out(SaasSurrogate(**settings).fit(Observations(X, y), seed=0))
    assert np.nanmax(result.pareto_k) < 0.9
    refitted = []
    for i in range(0, 14, 3):
        rest = torch.arange(14) != i
        posterior = SaasSurrogate(**settings).fit(Observations(X[rest], y[rest]), seed=1)
        refitted.append(posterior.predict(X[i : i + 1])[0].item())
    shift = np.abs(result.mean[::3] - np.array(refitted))
    # The refits are standardised without the point, so they differ a little by construction.
    assert shift.max() < 0.25 * result.observed.std()


def test_scores_of_a_good_model() -> None:
    X, y = data(40)
    for surrogate in (GpSurrogate(), MapSaasSurrogate(2)):
        (result,) = leave_one_out(surrogate.fit(Observations(X, y), seed=0))
        scores = result.summary()
        assert scores["r2"] > 0.9
        assert scores["rank_correlation"] > 0.9
        assert 0.8 <= scores["coverage_95"] <= 1
        # The noise has a standard deviation of 1, which no prediction can beat.
        assert 0.6 < scores["rmse"] < 1.6
        assert scores["log_density"] > -2.2


def test_constant_objective_has_no_correlation() -> None:
    X, y = data(10)
    (result,) = leave_one_out(GpSurrogate().fit(Observations(X, torch.full_like(y, 3.0)), seed=0))
    scores = result.summary()
    assert np.isnan(scores["r2"])
    assert np.isnan(scores["rank_correlation"])
    assert scores["rmse"] < 1e-6


def test_what_cannot_be_cross_validated() -> None:
    X, y = data(1)
    with pytest.raises(SurrogateError, match="at least two observations"):
        leave_one_out(GpSurrogate().fit(Observations(X, y), seed=0))
