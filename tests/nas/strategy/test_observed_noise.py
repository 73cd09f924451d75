import logging
from collections.abc import Callable

import pytest
import torch
from botorch.models.model_list_gp_regression import ModelListGP
from torch import Tensor

from nas.space import Space
from nas.strategy.bayesian import BayesianStrategy
from nas.strategy.sobol import SobolStrategy
from nas.study import Study, TrialState
from nas.surrogate import Surrogate
from nas.surrogate.gp import GpSurrogate
from nas.surrogate.map_saas import MapSaasSurrogate
from nas.surrogate.members import Members
from nas.surrogate.saas import SaasSurrogate

MakeStudy = Callable[..., Study]


class Recorded(GpSurrogate):
    """Keeps the model that it fitted."""

    model: ModelListGP

    def fit(self, X: Tensor, Y: Tensor, Yvar: Tensor | None = None, *, seed: int) -> ModelListGP:
        self.model = super().fit(X, Y, Yvar, seed=seed)
        return self.model


def filled(make_study: MakeStudy, space: Space, *, errors: bool) -> Study:
    study = make_study(reference={})
    points = [proposal.point for proposal in SobolStrategy().suggest(study, space, 8, seed=0)]
    for number, point in enumerate(points):
        study.propose(point, "sobol" if number else "reference", 0, space)
    study.start_waiting()
    for number in range(8):
        metrics = {"accuracy": 0.5 + 0.01 * number, "latency": 2.0 + number}
        study.complete(number, metrics | ({"latency_se": 0.1 * (number + 1)} if errors else {}), 1.0)
    return study


def test_standard_errors_become_the_objectives_noise(make_study: MakeStudy, space: Space) -> None:
    study = filled(make_study, space, errors=True)
    recorded = Recorded()
    BayesianStrategy(recorded, observed_noise=True).suggest(study, space, 1, seed=0)
    accuracy, latency = (Members.of(model) for model in recorded.model.models)
    # The reference's latency, 2, is the unit.
    expected = torch.tensor([(0.1 * (number + 1) / 2) ** 2 for number in range(8)], dtype=torch.float64)
    torch.testing.assert_close(latency.noise[0] * latency.scale**2, expected)
    assert len(set(accuracy.noise[0].tolist())) == 1


def test_without_standard_errors_it_says_so_and_infers(
    make_study: MakeStudy, space: Space, caplog: pytest.LogCaptureFixture
) -> None:
    study = filled(make_study, space, errors=False)
    with caplog.at_level(logging.WARNING):
        BayesianStrategy(GpSurrogate(), observed_noise=True).suggest(study, space, 1, seed=0)
    assert "accuracy_se or latency_se" in caplog.text
    assert len(study.trials(TrialState.COMPLETED)) == 8


@pytest.mark.parametrize(
    "surrogate", [GpSurrogate(), MapSaasSurrogate(), SaasSurrogate(warmup=64, samples=64)], ids=str
)
def test_a_column_with_nan_is_inferred_and_a_noisy_point_pulls_less(surrogate: Surrogate) -> None:
    X = torch.linspace(0, 1, 12, dtype=torch.float64).unsqueeze(1)
    Y = torch.cat([torch.sin(3 * X), torch.cos(3 * X)], dim=1)
    Y[6] += 3.0
    noise = torch.full_like(Y, 1e-3)
    noise[:, 1] = torch.nan
    sure = surrogate.fit(X, Y, noise, seed=0)
    noise[6, 0] = 10.0
    unsure = surrogate.fit(X, Y, noise, seed=0)
    first, second = (Members.of(model) for model in unsure.models)
    torch.testing.assert_close(
        first.noise[0] * first.scale**2, noise[:, 0].clamp_min(1e-4 * first.scale**2), rtol=1e-3, atol=0
    )
    assert bool((second.noise == second.noise[:, :1]).all())
    with torch.no_grad():
        at = [
            model.models[0].posterior(X[6:7]).mean.mean() - torch.sin(3 * X[6, 0]) for model in (sure, unsure)
        ]
    assert abs(float(at[1])) < 0.5 * abs(float(at[0]))
