"""Simulation-based calibration of the sampler on the Pyro model, and of the check itself."""

import numpy as np
import pytest

from nas.surrogate.calibration import ranks, uniformity

DRAWS = 31


def test_the_check_finds_a_sampler_that_is_too_sure() -> None:
    rng = np.random.default_rng(0)
    uniform = rng.integers(0, DRAWS + 1, (400, 1))
    extreme = np.where(rng.random((400, 1)) < 0.7, rng.choice([0, DRAWS], (400, 1)), uniform)
    assert uniformity(uniform, DRAWS) > 0.01
    assert uniformity(extreme, DRAWS) < 1e-6


@pytest.mark.long
def test_ranks_are_uniform() -> None:
    found = ranks(120, n=8, d=2, draws=DRAWS, seed=0)
    # Six hyperparameters are tested, so the level is shared among them.
    assert uniformity(found, DRAWS).min() > 0.01 / found.shape[1]
