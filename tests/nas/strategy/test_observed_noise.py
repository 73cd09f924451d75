import logging

import pytest
import torch

from nas.strategy.bayesian import BayesianStrategy
from nas.strategy.sobol import SobolStrategy
from nas.study import History, Proposal, Study, Suggestion
from nas.surrogate import State, Surrogate
from nas.surrogate.gp import GpSurrogate
from nas.surrogate.map_saas import MapSaasSurrogate
from nas.surrogate.observations import Observations
from nas.surrogate.posterior import Posterior
from nas.surrogate.saas import SaasSurrogate


class Recorded(GpSurrogate):
    """Keeps the posterior that it fitted."""

    posterior: Posterior

    def fit(self, observations: Observations, *, seed: int, start: State | None = None) -> Posterior:
        self.posterior = super().fit(observations, seed=seed, start=start)
        return self.posterior


def filled(study: Study, *, errors: bool) -> History:
    """Eight trials, the first of them the reference, whose latency is the unit."""
    proposals = SobolStrategy().suggest(study.history, 8, seed=0).proposals
    study.add(Suggestion((Proposal(proposals[0].point, "reference"), *proposals[1:])))
    for number in range(8):
        metrics = {"accuracy": 0.5 + 0.01 * number, "latency": 2.0 + number}
        noise = {"latency_se": 0.1 * (number + 1)} if errors else {}
        study.complete(number, metrics | noise, seconds=1.0)
    return study.history


def test_standard_errors_become_the_objectives_noise(study: Study) -> None:
    recorded = Recorded()
    BayesianStrategy(recorded, observed_noise=True).suggest(filled(study, errors=True), 1, seed=0)
    accuracy, latency = recorded.posterior.members
    # Relative to the latencies' own variance, in which every unit cancels.
    numbers = torch.arange(8, dtype=torch.float64)
    torch.testing.assert_close(latency.noise[0], (0.1 * (numbers + 1)) ** 2 / numbers.var())
    assert len(set(accuracy.noise[0].tolist())) == 1


def test_without_standard_errors_it_says_so_and_infers(
    study: Study, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        BayesianStrategy(GpSurrogate(), observed_noise=True).suggest(filled(study, errors=False), 1, seed=0)
    assert "accuracy_se or latency_se" in caplog.text


@pytest.mark.parametrize(
    "surrogate",
    [GpSurrogate(), MapSaasSurrogate(), SaasSurrogate(warmup=64, samples=64)],
    ids=lambda s: type(s).__name__,
)
def test_a_column_with_nan_is_inferred_and_a_noisy_point_pulls_less(surrogate: Surrogate) -> None:
    X = torch.linspace(0, 1, 12, dtype=torch.float64).unsqueeze(1)
    Y = torch.cat([torch.sin(3 * X), torch.cos(3 * X)], dim=1)
    Y[6] += 3.0
    noise = torch.full_like(Y, 1e-3)
    noise[:, 1] = torch.nan
    sure = surrogate.fit(Observations(X, Y, noise.clone()), seed=0)
    noise[6, 0] = 10.0
    unsure = surrogate.fit(Observations(X, Y, noise.clone()), seed=0)
    first, second = unsure.members
    torch.testing.assert_close(
        first.noise[0] * first.scale**2, noise[:, 0].clamp_min(1e-4 * first.scale**2), rtol=1e-3, atol=0
    )
    assert bool((second.noise == second.noise[:, :1]).all())
    at = [posterior.predict(X[6:7])[0][0, 0] - torch.sin(3 * X[6, 0]) for posterior in (sure, unsure)]
    assert abs(float(at[1])) < 0.5 * abs(float(at[0]))
