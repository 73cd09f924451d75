"""A fixed history gives the values and the batch that it has always given."""

import json
from pathlib import Path

import pytest
import torch

from nas.acquisition import LogNoisyExpectedHypervolumeImprovement
from nas.candidates import choose_batch
from nas.space import CategoricalParameter, FloatParameter, IntegerParameter, OrderedParameter, Space
from nas.surrogate import Surrogate
from nas.surrogate.gp import GpSurrogate
from nas.surrogate.map_saas import MapSaasSurrogate
from nas.surrogate.observations import Observations, prepare
from nas.surrogate.saas import SaasSurrogate

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
SURROGATES: dict[str, Surrogate] = {
    "gp": GpSurrogate(),
    "map_saas": MapSaasSurrogate(),
    "saas": SaasSurrogate(warmup=192, samples=128, thinning=16),
}


@pytest.mark.parametrize("name", SURROGATES)
def test_values_and_batch_of_a_fixed_history(name: str) -> None:
    X, pending, candidates = (
        torch.from_numpy(SPACE.encode(STORED[part])) for part in ("history", "pending", "candidates")
    )
    Y, reference = (torch.tensor(STORED[part], dtype=torch.float64) for part in ("values", "reference"))
    expected = STORED["surrogates"][name]
    prepared = prepare(Observations(X, Y), reference)
    assert torch.equal(prepared.observations.Y, Y)
    assert torch.equal(prepared.reference, reference)
    posterior = SURROGATES[name].fit(prepared.observations, seed=3)
    acquisition = LogNoisyExpectedHypervolumeImprovement(
        posterior, reference, pending=pending, batch=4, seed=3
    )
    with torch.no_grad():
        values = acquisition(candidates.unsqueeze(1))
    torch.testing.assert_close(
        values, torch.tensor(expected["acquisition"], dtype=torch.float64), rtol=1e-10, atol=1e-10
    )
    known = {SPACE.key(point) for part in ("history", "pending") for point in STORED[part]}
    batch = choose_batch(posterior, SPACE, pending=pending, known=known, reference=reference, count=4, seed=3)
    assert batch == expected["batch"]
