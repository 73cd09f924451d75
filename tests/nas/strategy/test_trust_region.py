"""How far from the front a Bayesian strategy looks."""

import math
from unittest import mock

import pytest
import torch

from nas import Plan, optimise
from nas.benchmark.problems import PROBLEMS
from nas.strategy.bayesian import BayesianStrategy
from nas.surrogate.gp import GpSurrogate


def at_an_end(trust_region: float | None) -> float:
    """The share of the first batch's coordinates on DTLZ2 that lie at an end of their range."""
    problem = PROBLEMS["dtlz2"]()
    strategy = BayesianStrategy(GpSurrogate(), trust_region=trust_region)
    history = optimise(problem, strategy, Plan(32, 16, 16, seed=1), reference_point=problem.reference_point)
    batch = torch.from_numpy(problem.space.encode([trial.point for trial in history.trials[16:]]))
    return float(((batch < 0.01) | (batch > 0.99)).double().mean())


def test_where_little_is_known_proposals_are_not_at_the_corners() -> None:
    assert at_an_end(0.2) < 0.5 * at_an_end(None)


@pytest.mark.parametrize("trials", [24, 240])
def test_it_grows_with_the_trials_beyond_twice_the_dimensions(trials: int) -> None:
    problem = PROBLEMS["branin_currin"]()  # 24 parameters
    strategy = BayesianStrategy(GpSurrogate(), reference_width=None, trust_region=0.02)
    plan = Plan(trials + 2, trials, 2)
    # Parameters without effect keep their values, and do not take another point's.
    with mock.patch("nas.candidates.INDIFFERENT", -math.inf):
        history = optimise(problem, strategy, plan, reference_point=problem.reference_point)
    X = torch.from_numpy(problem.space.encode([trial.point for trial in history.trials]))
    nearest = (X[-2] - X[:trials]).abs().amax(dim=1).amin()
    assert (nearest > 0.021) == (trials > 48)
