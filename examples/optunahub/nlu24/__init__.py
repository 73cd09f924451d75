"""NLU24 as a problem of OptunaHub.

problem = optunahub.load_local_module("nlu24", registry_root="examples/optunahub").Problem(seed=0)
study = optuna.create_study(directions=problem.directions)
study.optimize(problem, n_trials=240, catch=TrialFailedError)
"""

from collections.abc import Mapping
from typing import Any

import optuna
from optunahub.benchmarks import BaseProblem

from nas.benchmark.nlu24 import NLU24
from nas.space.optuna import distributions, to_point


class Problem(BaseProblem):
    """Exact match (percent, maximised) and latency's 99th percentile (ratio to the reference's, minimised).

    A training that fails raises `nas.benchmark.nlu24.TrialFailedError`. A point that is evaluated again gives
    the same result, until `reseed`.

    Args:
        seed: Of the trainings.
        options: See `NLU24`.
    """

    def __init__(self, seed: int = 0, **options: Any) -> None:
        self._benchmark = NLU24(**options)
        self._seed = seed

    @property
    def search_space(self) -> dict[str, optuna.distributions.BaseDistribution]:
        """Parameter name to its distribution."""
        return distributions(self._benchmark.space)

    @property
    def directions(self) -> list[optuna.study.StudyDirection]:
        """One an objective."""
        return [optuna.study.StudyDirection.MAXIMIZE, optuna.study.StudyDirection.MINIMIZE]

    @property
    def metric_names(self) -> list[str]:
        """One an objective."""
        return list(self._benchmark.goals.names)

    def evaluate(self, params: Mapping[str, Any]) -> list[float]:
        """The objectives of a training."""
        found = self._benchmark(to_point(self._benchmark.space, params), seed=self._seed)
        return [float(found[name] or 0) for name in self.metric_names]

    def reseed(self, seed: int) -> None:
        """From here on, trainings have another seed."""
        self._seed = seed
