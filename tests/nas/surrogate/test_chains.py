"""Chains are the same wherever they are sampled."""

import numpy as np
import pytest

from nas.surrogate import chains
from nas.surrogate.chains import ChainTask, Data, run_chains
from nas.surrogate.nuts import NutsConfig
from nas.surrogate.saas_prior import PRIORS


def tasks(count: int) -> list[ChainTask]:
    rng = np.random.default_rng(0)
    X = rng.random((12, 3))
    data = Data(PRIORS["botorch"], X, np.sin(5 * X[:, 0]), None)
    return [ChainTask(data, NutsConfig(warmup=30, samples=20), (0, k, 0, 0)) for k in range(count)]


@pytest.mark.slow
def test_processes_give_the_same_draws_in_the_same_order(monkeypatch: pytest.MonkeyPatch) -> None:
    here = run_chains(tasks(3))
    monkeypatch.setattr(chains, "_WORTH_PROCESSES", 0.0)
    monkeypatch.setattr(chains, "cpu_count", lambda: 2)
    elsewhere = run_chains(tasks(3))
    for one, other in zip(here, elsewhere, strict=True):
        np.testing.assert_array_equal(one.draws, other.draws)
        np.testing.assert_array_equal(one.end.inverse_mass, other.end.inverse_mass)
    assert not np.array_equal(here[0].draws, here[1].draws)


def test_another_attempt_has_another_seed_and_no_start() -> None:
    (task,) = tasks(1)
    (chain,) = run_chains([task])
    warm = ChainTask(task.data, task.config, task.seed, chain.end)
    again = warm.again(task.config)
    assert again.start is None
    assert again.seed != task.seed
    assert warm.steps == task.config.warm_warmup + task.config.samples


def test_no_chains_are_no_work() -> None:
    assert run_chains([]) == []
