"""The preference for the reference model's neighbourhood."""

import math
from typing import Any

import pytest
import torch

from nas import Plan, optimise
from nas.benchmark.problems import PROBLEMS
from nas.errors import SettingsError
from nas.strategy.bayesian import BayesianStrategy
from nas.strategy.neighbourhood import fading_preference
from nas.surrogate.gp import GpSurrogate


def test_it_is_a_normal_density_whose_power_fades() -> None:
    centre = torch.tensor([0.2, 0.8], dtype=torch.float64)
    X = torch.rand(5, 2, dtype=torch.float64)
    density = torch.distributions.Normal(centre, 0.4)
    expected = (density.log_prob(X) - density.log_prob(centre)).sum(dim=1)
    for proposed in (0, 4):
        weight = fading_preference(centre, 0.4, 0, proposed)
        assert weight is not None
        torch.testing.assert_close(weight(X), expected * math.exp(-(proposed**2) / 16))
    assert fading_preference(centre, 0.4, 0, 11) is None
    assert fading_preference(centre, 0.4, 1, 0) is None


def test_the_first_batch_lies_nearer_to_the_reference() -> None:
    problem = PROBLEMS["simulated_search"]()
    centre = torch.from_numpy(problem.space.encode([problem.reference or {}]))

    def distance(width: float | None) -> float:
        strategy = BayesianStrategy(GpSurrogate(), reference_width=width)
        history = optimise(problem, strategy, Plan(12, 8, 4), reference_point=problem.reference_point)
        batch = problem.space.encode([trial.point for trial in history.trials[8:]])
        return float((torch.from_numpy(batch) - centre).norm(dim=1).mean())

    assert distance(0.3) < 0.7 * distance(None)


@pytest.mark.parametrize("name", ["reference_width", "trust_region"])
@pytest.mark.parametrize("width", [0.0, -1.0, math.nan, "wide"])
def test_a_width_out_of_range_is_refused(name: str, width: Any) -> None:
    with pytest.raises(SettingsError, match=name):
        BayesianStrategy(GpSurrogate(), **{name: width})
