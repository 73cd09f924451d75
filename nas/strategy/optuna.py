"""Optuna's samplers as strategies, for comparison: TPE, NSGA-II and others."""

import inspect
import math
import warnings
from collections.abc import Mapping
from typing import Any

import optuna
from hydra.utils import get_class, instantiate
from optuna.distributions import BaseDistribution
from optuna.trial import TrialState as OptunaState
from optuna.trial import create_trial

from nas.errors import SettingsError, SpaceExhaustedError
from nas.space.optuna import distributions, to_params, to_point
from nas.study.history import History
from nas.study.trials import Proposal, Suggestion, Trial, TrialState
from paretoparse.checks import Range, check_switches

# How often a sampler may repeat itself before the space counts as exhausted.
MAX_REPEATS = 200
# Where a trial keeps what the sampler has noted about it, such as NSGA-II its generation.
NOTES = "optuna"
# What a sampler that asks for a result of an unfinished trial may know of it.
_STATES = {TrialState.COMPLETED: OptunaState.COMPLETE, TrialState.FAILED: OptunaState.FAIL}


class OptunaStrategy:
    """Asks an Optuna sampler that is told all trials so far, with what it noted about them.

    Args:
        sampler: Hydra node of an `optuna.samplers.BaseSampler`, such as
            `{_target_: optuna.samplers.TPESampler}`; it is given the search's seed if it takes one.
        name: Origin of its trials; None: the sampler's name in lower case, such as `tpe`.

    Raises:
        SettingsError: If no sampler is named, or one of its numbers or switches is given something else.
        InstantiationException: If the sampler does not take its settings.
    """

    def __init__(self, sampler: Any, name: str | None = None) -> None:
        if not hasattr(sampler, "get") or "_target_" not in sampler:
            raise SettingsError("strategy.sampler needs a _target_, such as optuna.samplers.TPESampler.")
        self._sampler = sampler
        self._class = get_class(str(sampler["_target_"]))
        _check(sampler, self._class)
        self._name = name or self._class.__name__.removesuffix("Sampler").lower()
        # Settings that it does not take are told before the first trial.
        self._make(seed=0)

    def suggest(self, history: History, count: int, *, seed: int) -> Suggestion:
        """See `Strategy.suggest`."""
        space = history.space
        memory = self.memory(history, seed)
        known = distributions(space)
        chosen = set[object]()
        proposals: list[Proposal] = []
        for _ in range(MAX_REPEATS + count):
            if len(proposals) == count:
                break
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                asked = memory.ask(known)
            point = to_point(space, asked.params)
            key = space.key(point)
            if key in chosen or history.knows(key):
                memory.tell(asked, state=OptunaState.FAIL)
                continue
            chosen.add(key)
            notes = memory.get_trials(deepcopy=False)[asked.number].system_attrs
            proposals.append(Proposal(point, self._name, {NOTES: dict(notes)}))
        if not proposals:
            raise SpaceExhaustedError("the sampler proposes only points that have been tried.")
        return Suggestion(tuple(proposals))

    def memory(self, history: History, seed: int) -> optuna.Study:
        """Optuna's own study of a history: its sampler, fresh from the seed, and all trials inside the space.

        The seed is that of the search plus the number of trials, so that every round draws other numbers.
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # a study is made every round
        memory = optuna.create_study(
            directions=["maximize"] * len(history.goals.objectives), sampler=self._make(seed + len(history))
        )
        inside = [trial for trial in history.trials if history.space.contains(trial.point)]
        known = distributions(history.space)
        memory.add_trials([self._trial(trial, history, known) for trial in inside])
        return memory

    def _make(self, seed: int) -> optuna.samplers.BaseSampler:
        options = {"seed": seed} if "seed" in inspect.signature(self._class).parameters else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler: optuna.samplers.BaseSampler = instantiate(self._sampler, **options)
            return sampler

    def _trial(
        self, trial: Trial, history: History, known: dict[str, BaseDistribution]
    ) -> optuna.trial.FrozenTrial:
        state = _STATES.get(trial.state, OptunaState.RUNNING)
        notes = dict(trial.attributes.get(NOTES, {}))
        if not notes and issubclass(
            self._class, optuna.samplers.NSGAIISampler | optuna.samplers.NSGAIIISampler
        ):
            # A trial that another strategy proposed belongs to the first generation, as an enqueued one does.
            notes[self._class._get_generation_key()] = 0
        params = to_params(history.space, trial.point)
        values = None
        if trial.state is TrialState.COMPLETED:
            values = history.values([trial])[0].tolist()
        frozen = create_trial(
            state=state,
            params=params,
            distributions={name: known[name] for name in params},
            values=values,
            system_attrs=notes,
        )
        if trial.state is TrialState.COMPLETED:
            slacks = history.slacks([trial])[0].tolist()
            for constraint, slack in zip(history.goals.constraints, slacks, strict=True):
                frozen.set_constraint(str(constraint), -slack)
        return frozen


def _check(sampler: Mapping[str, Any], kind: type) -> None:
    """Optuna takes any text for true, and tells of a wrong number by what it cannot do with it."""
    for name, parameter in inspect.signature(kind).parameters.items():
        default, where = parameter.default, f"strategy.sampler.{name}"
        if name not in sampler:
            continue
        if isinstance(default, bool):
            check_switches({where: sampler[name]}, SettingsError)
        elif isinstance(default, int | float):
            Range(low=-math.inf, whole=isinstance(default, int)).check(where, sampler[name], SettingsError)
