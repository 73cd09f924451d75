"""Convergence diagnostics of chains that are known to be good or bad."""

import json

import numpy as np

from nas.surrogate.diagnostics import diagnose, rhat
from nas.surrogate.nuts import Chain, NutsConfig, Start, sample_chain
from nas.surrogate.trajectory import Vector


def normal(z: Vector) -> tuple[float, Vector]:
    return -0.5 * float(z @ z), -z


def chain(position: float, seed: int, samples: int = 200) -> Chain:
    start = Start(np.full(2, position), 0.5, np.eye(2))
    config = NutsConfig(warm_warmup=50, samples=samples)
    return sample_chain(normal, start, config, np.random.default_rng(seed), warm=True)


def test_chains_of_one_distribution_converge() -> None:
    found = diagnose([chain(0.0, 1), chain(0.5, 2)], objective=1, observations=5, warm=False)
    assert found.converged
    assert found.rhat < 1.05
    assert found.ess_bulk > 100
    assert found.ebfmi > 0.3
    assert found.draws == 400


def test_chains_that_disagree_do_not_converge() -> None:
    one, two = chain(0.0, 1), chain(0.0, 2)
    two.draws += 3
    found = diagnose([one, two], objective=0, observations=5, warm=True)
    assert not found.converged
    assert "NOT converged" in found.line()


def test_rhat_sees_a_single_chain_drift_or_stand_still() -> None:
    noise = np.random.default_rng(0).standard_normal((1, 400))
    assert rhat(noise) < 1.05
    assert rhat(noise + np.linspace(0, 5, 400)) > 1.3
    assert rhat(np.ones((1, 400))) == np.inf


def test_diagnostics_are_plain_numbers() -> None:
    found = diagnose([chain(0.0, 3)], objective=0, observations=7, warm=False)
    assert json.loads(json.dumps(found.as_dict()))["observations"] == 7
