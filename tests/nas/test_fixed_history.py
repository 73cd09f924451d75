"""A fixed history gives the values and the batch that it has always given.

Hyperparameters are stored: processors differ in the last digits of a product, which an ascent to a mode makes
a thousand times as large, and from which a chain makes other draws. Logarithms of improvements far out in a
tail have seven digits in common among processors.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from nas.acquisition import LogNoisyExpectedHypervolumeImprovement
from nas.candidates import choose_batch
from nas.space import CategoricalParameter, FloatParameter, IntegerParameter, OrderedParameter, Space
from nas.surrogate import Surrogate
from nas.surrogate.gp import GpSurrogate
from nas.surrogate.map_saas import MapSaasSurrogate
from nas.surrogate.observations import Observations, prepare
from nas.surrogate.posterior import Members, Posterior

STORED = json.loads((Path(__file__).parent / "fixed_history.json").read_text())
SPACE = Space(
    (
        FloatParameter("x", 0.0, 1.0),
        FloatParameter("lr", 1e-4, 1e-2, log=True),
        IntegerParameter("layers", 1, 6),
        IntegerParameter("width", 16, 128, step=16),
        OrderedParameter("heads", (1, 2, 4, 8)),
        CategoricalParameter("act", ("relu", "gelu", "silu")),
    )
)
MODES: dict[str, Surrogate] = {"gp": GpSurrogate(), "map_saas": MapSaasSurrogate()}


def tensor(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


X, pending, candidates = (
    torch.from_numpy(SPACE.encode(STORED[part])) for part in ("history", "pending", "candidates")
)
Y, reference = (tensor(STORED[part]) for part in ("values", "reference"))


def acquisition_of(posterior: Posterior) -> Tensor:
    function = LogNoisyExpectedHypervolumeImprovement(posterior, reference, pending=pending, batch=4, seed=3)
    with torch.no_grad():
        return function(candidates.unsqueeze(1))


@pytest.mark.parametrize("name", STORED["surrogates"])
def test_values_and_batch_of_fixed_hyperparameters(name: str) -> None:
    expected = STORED["surrogates"][name]
    posterior = Posterior(
        tuple(
            Members(
                X,
                **{key: tensor(one[key]) for key in ("y", "mean", "outputscale", "lengthscale")},
                noise=tensor(one["noise"])[:, None].expand(-1, len(X)).clone(),
                **{key: one[key] for key in ("scale", "shift", "drawn")},
            )
            for one in expected["members"]
        )
    )
    torch.testing.assert_close(
        acquisition_of(posterior), tensor(expected["acquisition"]), rtol=1e-7, atol=1e-8
    )
    known = {SPACE.key(point) for part in ("history", "pending") for point in STORED[part]}
    batch = choose_batch(posterior, SPACE, pending=pending, known=known, reference=reference, count=4, seed=3)
    assert batch == expected["batch"]


@pytest.mark.parametrize("name", MODES)
def test_a_mode_is_where_it_was(name: str) -> None:
    prepared = prepare(Observations(X, Y), reference)
    assert torch.equal(prepared.observations.Y, Y)
    assert torch.equal(prepared.reference, reference)
    posterior = MODES[name].fit(prepared.observations, seed=3)
    expected = tensor(STORED["surrogates"][name]["acquisition"])
    torch.testing.assert_close(acquisition_of(posterior), expected, rtol=1e-4, atol=1e-4)
