"""NLU24 as a task of CARP-S.

from nlu24 import task
RandomSearchOptimizer(task=task(seed=0)).run()
"""

from typing import Any

from carps.objective_functions.objective_function import ObjectiveFunction
from carps.utils.task import (
    InputSpace,
    OptimizationResources,
    OutputSpace,
    Task,
    TaskMetadata,
    get_search_space_info,
)
from carps.utils.trials import StatusType, TrialInfo, TrialValue
from ConfigSpace import ConfigurationSpace

from nas.benchmark.nlu24 import NLU24, TrialFailedError
from nas.space.configspace import configuration_space, to_point


class NLU24ObjectiveFunction(ObjectiveFunction):
    """Costs are 100 minus the exact match, and the ratio of latency's 99th percentile to the reference's.

    Args:
        options: See `NLU24`.
        loggers: CARP-S's.
    """

    def __init__(self, loggers: list[Any] | None = None, **options: Any) -> None:
        super().__init__(loggers)
        self._benchmark = NLU24(**options)
        self._space = configuration_space(self._benchmark.space, self._benchmark.reference)

    @property
    def configspace(self) -> ConfigurationSpace:
        """The 24 hyperparameters."""
        return self._space

    def _evaluate(self, trial_info: TrialInfo) -> TrialValue:
        point = to_point(self._benchmark.space, dict(trial_info.config))
        epochs = None if trial_info.budget is None else int(trial_info.budget)
        try:
            found = self._benchmark(point, epochs=epochs, seed=trial_info.seed or 0)
        except TrialFailedError:
            return TrialValue(
                cost=[100.0, 10 * self._benchmark.reference_point[1]], status=StatusType.CRASHED
            )
        seconds = float(found["seconds"] or 0)
        cost = [100 - float(found["exact_match"] or 0), float(found["latency_p99_ratio"] or 0)]
        return TrialValue(cost=cost, virtual_time=seconds)


def task(seed: int | None = None, n_trials: int = 240, **options: Any) -> Task:
    """The task of the protocol: 240 trials of all passes, one after the other."""
    function = NLU24ObjectiveFunction(**options)
    return Task(
        name="NLU24",
        objective_function=function,
        input_space=InputSpace(function.configspace),
        output_space=OutputSpace(2, ("100 - exact_match", "latency_p99_ratio")),
        optimization_resources=OptimizationResources(n_trials=n_trials),
        metadata=TaskMetadata(
            has_constraints=False,
            domain="NAS",
            objective_function_approximation="surrogate",
            has_virtual_time=True,
            deterministic=False,
            **get_search_space_info(function.configspace),
        ),
        seed=seed,
    )
