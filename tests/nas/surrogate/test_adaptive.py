"""The adaptive surrogate takes the model that predicts better."""

import json
from typing import Any

import pytest
import torch
from torch import Tensor

from nas.surrogate.adaptive import AdaptiveSurrogate
from nas.surrogate.errors import SurrogateError
from nas.surrogate.gp import NARROW, GpSurrogate
from nas.surrogate.observations import Observations
from nas.surrogate.saas import SaasSurrogate

SPARSE = SaasSurrogate(warmup=256, samples=128, thinning=8)


def observations(n: int) -> Observations:
    """Column 0 depends on two of 24 inputs, column 1 a little on every one."""
    X = torch.rand(n, 24, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    few: Tensor = torch.sin(6 * X[:, 3]) + (X[:, 17] - 0.3).square()
    many: Tensor = torch.cos(2 * X + torch.arange(24)).sum(dim=1)
    return Observations(X, torch.stack([few, many], dim=1))


def test_each_column_has_the_model_that_predicts_it_better() -> None:
    data = observations(80)
    posterior = AdaptiveSurrogate(SPARSE).fit(data, seed=0)
    sparse, dense = SPARSE.fit(data, seed=0), GpSurrogate(NARROW).fit(data, seed=0)
    assert torch.equal(posterior.members[0].lengthscale, sparse.members[0].lengthscale)
    assert torch.equal(posterior.members[1].lengthscale, dense.members[1].lengthscale)
    assert posterior.rivals == ()
    assert posterior.divide(5) == [(posterior, 5)]


def test_where_neither_predicts_better_the_dense_one_proposes() -> None:
    X = observations(30).X
    noise = torch.randn(30, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    posterior = AdaptiveSurrogate(SPARSE).fit(Observations(X, noise), seed=0)
    assert not any(one.drawn for one in posterior.members)


def test_with_fewer_observations_than_inputs_both_propose() -> None:
    data = observations(24)
    posterior = AdaptiveSurrogate(SPARSE, sparse_share=0.25).fit(data, seed=0)
    assert not posterior.members[0].drawn
    (dense, many), (sparse, few) = posterior.divide(8)
    assert (dense, many, few) == (posterior, 6, 2)
    assert sparse.members[0].drawn
    assert [size for _, size in posterior.divide(1)] == [1]
    assert AdaptiveSurrogate(SPARSE, sparse_share=0.0).fit(data, seed=0).divide(8)[0][1] == 8


def test_its_state_survives_json_and_warms_the_chains() -> None:
    surrogate = AdaptiveSurrogate(SPARSE)
    first = surrogate.fit(observations(30), seed=0)
    again = surrogate.fit(observations(40), seed=1, start=json.loads(json.dumps(first.state)))
    # One that does not converge from a warm start is sampled again from a cold one.
    assert any(one.warm for one in again.diagnostics)


@pytest.mark.parametrize("share", [2, -0.1, True, "half", None])
def test_a_share_out_of_range_is_refused(share: Any) -> None:
    with pytest.raises(SurrogateError, match=f"sparse_share={share} is out of range"):
        AdaptiveSurrogate(sparse_share=share)
