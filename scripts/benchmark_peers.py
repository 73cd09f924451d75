"""Other optimisers as strategies, for `benchmark_optimise.py`; their libraries must be installed."""

import logging
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nas.space import FloatParameter, IntegerParameter, OrderedParameter, Space
from nas.space.configspace import configuration_space, to_configuration, to_point
from nas.strategy import Strategy
from nas.study import History, Proposal, Suggestion


class AxStrategy:
    """Ax's client with `method="quality"`, told all trials so far."""

    def suggest(self, history: History, count: int, *, seed: int) -> Suggestion:
        """See `nas.strategy.Strategy.suggest`."""
        from ax.api.client import Client

        goals = history.goals
        client = Client(random_seed=seed + len(history))
        client.configure_experiment(parameters=ax_parameters(history.space))
        client.configure_optimization(
            objective=", ".join(f"{'' if one.maximise else '-'}{one.metric}" for one in goals.objectives),
            outcome_constraints=[
                f"{one.metric} {'>=' if one.maximise else '<='} {limit}"
                for one, limit in zip(goals.objectives, history.fixed_reference or (), strict=False)
            ],
        )
        client.configure_generation_strategy(method="quality", initialization_budget=len(history))
        for trial in history.completed:
            index = client.attach_trial(dict(trial.point))
            client.complete_trial(index, raw_data={name: trial.metrics[name] for name in goals.names})
        points = client.get_next_trials(max_trials=count).values()
        return Suggestion(tuple(Proposal(dict(point), "ax") for point in points))


def ax_parameters(space: Space) -> list[Any]:
    """A space of numbers in Ax's terms."""
    from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

    parameters: list[Any] = []
    for one in space.parameters:
        if isinstance(one, OrderedParameter):
            parameters.append(
                ChoiceParameterConfig(
                    name=one.name, values=list(one.values), parameter_type="int", is_ordered=True
                )
            )
            continue
        assert isinstance(one, IntegerParameter | FloatParameter)
        integer = isinstance(one, IntegerParameter)
        parameters.append(
            RangeParameterConfig(
                name=one.name,
                bounds=(one.low, one.high),
                parameter_type="int" if integer else "float",
                step_size=one.step if isinstance(one, IntegerParameter) and one.step > 1 else None,
                scaling="log" if one.log else None,
            )
        )
    return parameters


class SmacStrategy:
    """SMAC's random forest over ParEGO's scalarisation, told all trials so far."""

    def suggest(self, history: History, count: int, *, seed: int) -> Suggestion:
        """See `nas.strategy.Strategy.suggest`."""
        from smac import HyperparameterOptimizationFacade as Facade
        from smac import Scenario
        from smac.multi_objective.parego import ParEGO
        from smac.runhistory import StatusType, TrialInfo, TrialValue

        # It warns, every batch, that the first trials are not its own.
        logging.getLogger("smac").setLevel(logging.ERROR)
        space = configuration_space(history.space, seed=seed)
        # Costs of crashed trials are not learnt from, but there must be some.
        worst = history.values(history.completed).min(axis=0)
        with TemporaryDirectory() as folder:
            scenario = Scenario(
                space,
                objectives=list(history.goals.names),
                # One evaluation a point, as every other method here has.
                deterministic=True,
                n_trials=len(history) + count,
                seed=seed + len(history),
                output_directory=Path(folder),
            )
            smac = Facade(
                scenario,
                lambda config, seed: None,  # it is only asked and told
                initial_design=Facade.get_initial_design(scenario, n_configs=0),
                multi_objective_algorithm=ParEGO(scenario),
                logging_level=False,
            )
            for trial in history.trials:
                completed = trial.values is not None
                values = history.values([trial])[0] if completed else worst
                smac.tell(
                    TrialInfo(to_configuration(history.space, space, trial.point), seed=0),
                    TrialValue(
                        cost=[-float(value) for value in values],
                        status=StatusType.SUCCESS if completed else StatusType.CRASHED,
                    ),
                    save=False,
                )
            asked = [smac.ask().config for _ in range(count)]
        return Suggestion(tuple(Proposal(to_point(history.space, dict(one)), "smac") for one in asked))


PEERS: dict[str, Callable[[], Strategy]] = {"ax": AxStrategy, "smac": SmacStrategy}
