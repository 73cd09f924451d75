"""Optuna's samplers as strategies, for comparison: TPE, NSGA-II and others."""

import warnings
from typing import Any

import optuna
from hydra.utils import instantiate
from optuna.distributions import BaseDistribution
from optuna.trial import create_trial

from nas.errors import SpaceExhaustedError, StrategyError
from nas.space import Point, Space
from nas.strategy import Proposal
from nas.study import Study, TrialState, distribution

# How often a sampler may repeat itself before the space counts as exhausted.
MAX_REPEATS = 200


class OptunaStrategy:
    """Asks an Optuna sampler that is told all trials so far.

    Args:
        sampler: Hydra node of an `optuna.samplers.BaseSampler` that takes a `seed`, such as
            `{_target_: optuna.samplers.TPESampler}`.
    """

    def __init__(self, sampler: dict[str, Any]) -> None:
        if "_target_" not in sampler:
            raise StrategyError("strategy.sampler needs a _target_, such as optuna.samplers.TPESampler.")
        self._sampler = sampler
        self._name = str(sampler["_target_"]).rsplit(".", 1)[-1].removesuffix("Sampler").lower()

    def suggest(self, study: Study, space: Space, count: int, *, seed: int) -> list[Proposal]:
        """See `Strategy.suggest`; the origin is the sampler's name in lower case, such as `tpe`."""
        memory = self._copy(study, space, seed + len(study))
        distributions = {parameter.name: distribution(parameter) for parameter in space.parameters}
        known = {space.key(t.point) for t in study.trials() if space.contains(t.point)}
        points: list[Point] = []
        for _ in range(MAX_REPEATS + count):
            if len(points) == count:
                break
            point = self._ask(memory, distributions, space)
            if space.key(point) not in known:
                known.add(space.key(point))
                points.append(point)
        if not points:
            raise SpaceExhaustedError("the sampler proposes only points that have been tried.")
        return [Proposal(point, self._name) for point in points]

    def _copy(self, study: Study, space: Space, seed: int) -> optuna.Study:
        """The completed trials in an in-memory study, as `Study.to_maximise` gives them."""
        memory = optuna.create_study(
            directions=["maximize", "maximize"], sampler=instantiate(self._sampler, seed=seed)
        )
        completed = [t for t in study.trials(TrialState.COMPLETED) if space.contains(t.point)]
        distributions = {parameter.name: distribution(parameter) for parameter in space.parameters}
        for trial, values in zip(completed, study.to_maximise(completed), strict=True):
            params = {name: trial.point[name] for name in space.names}
            memory.add_trial(create_trial(params=params, distributions=distributions, values=values.tolist()))
        return memory

    def _ask(self, memory: optuna.Study, distributions: dict[str, BaseDistribution], space: Space) -> Point:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            asked = memory.ask(distributions).params
        # Through the unit cube, so that floats are rounded as those of every other strategy.
        return space.decode(space.encode([asked]))[0]
