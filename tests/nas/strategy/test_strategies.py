import json
import warnings
from typing import Any

import optuna
import pytest
from hydra.errors import InstantiationException
from optuna.trial import TrialState as OptunaState

from nas.errors import SettingsError, SpaceExhaustedError
from nas.space import IntegerParameter, Space
from nas.strategy.optuna import NOTES, OptunaStrategy
from nas.strategy.sobol import SobolStrategy
from nas.study import Goals, Study, Suggestion
from tests.nas.conftest import Fill, evaluate


def test_sobol_goes_on_where_it_was(study: Study) -> None:
    whole = SobolStrategy().suggest(study.history, 12, seed=3)
    assert {p.origin for p in whole.proposals} == {"sobol"}
    assert SobolStrategy().suggest(study.history, 12, seed=4) != whole
    study.add(Suggestion(whole.proposals[:5]))
    assert SobolStrategy().suggest(study.history, 7, seed=3).proposals == whole.proposals[5:]


def test_sobol_leaves_out_what_others_have_tried(study: Study, fill: Fill) -> None:
    whole = SobolStrategy().suggest(study.history, 6, seed=3)
    fill(study, [dict(p.point) for p in whole.proposals[:3]], origin="tpe")
    assert SobolStrategy().suggest(study.history, 3, seed=3).proposals == whole.proposals[3:]


def test_a_finite_space_is_used_up_once(goals: Goals) -> None:
    study = Study(Space((IntegerParameter("n", 1, 5),)), goals)
    suggestion = SobolStrategy().suggest(study.history, 9, seed=0)
    assert sorted(p.point["n"] for p in suggestion.proposals) == [1, 2, 3, 4, 5]
    study.add(suggestion)
    with pytest.raises(SpaceExhaustedError, match="every point"):
        SobolStrategy().suggest(study.history, 1, seed=0)


SAMPLERS = {
    "tpe": ("TPESampler", {}),
    "nsgaii": ("NSGAIISampler", {"population_size": 4}),
    "nsgaiii": ("NSGAIIISampler", {"population_size": 4}),
    "random": ("RandomSampler", {}),
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_sampler_proposes_what_it_proposes_in_optunas_own_study(
    study: Study, fill: Fill, name: str
) -> None:
    sampler, options = SAMPLERS[name]
    fill(study, 12)
    strategy = OptunaStrategy({"_target_": f"optuna.samplers.{sampler}", **options})
    for _ in range(3):
        study.add(strategy.suggest(study.history, 4, seed=7))
        for trial in study.open():
            study.complete(trial.number, evaluate(trial.point), seconds=1.0)
    suggestion = strategy.suggest(study.history, 5, seed=7)
    assert {p.origin for p in suggestion.proposals} == {name}

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        own_sampler = getattr(optuna.samplers, sampler)(seed=7 + len(study), **options)
    own = optuna.create_study(directions=["maximize", "maximize"], sampler=own_sampler)
    own.add_trials(strategy.memory(study.history, 7).trials)
    distributions = own.trials[0].distributions
    asked = [own.ask(distributions) for _ in range(5)]
    units = study.space.encode([trial.params for trial in asked])
    assert [p.point for p in suggestion.proposals] == study.space.decode(units)
    assert strategy.suggest(study.history, 5, seed=7) == suggestion


def test_offspring_have_parents(study: Study, fill: Fill) -> None:
    fill(study, 4)
    strategy = OptunaStrategy({"_target_": "optuna.samplers.NSGAIISampler", "population_size": 4})
    for _ in range(3):
        suggestion = strategy.suggest(study.history, 4, seed=0)
        # What is to be found again survives a store.
        notes = json.loads(json.dumps([dict(p.attributes) for p in suggestion.proposals]))
        assert notes == [dict(p.attributes) for p in suggestion.proposals]
        study.add(suggestion)
        for trial in study.open():
            study.complete(trial.number, evaluate(trial.point), seconds=1.0)
    generations = [t.attributes[NOTES]["NSGAIISampler:generation"] for t in study.history.trials[4:]]
    assert generations == [1] * 4 + [2] * 4 + [3] * 4


def test_samplers_hear_of_running_and_failed_trials_and_of_constraints(space: Space, fill: Fill) -> None:
    study = Study(space, Goals.of({"accuracy": "maximize"}, ["latency <= 2"]))
    fill(study, 4)
    strategy = OptunaStrategy({"_target_": "optuna.samplers.TPESampler"})
    study.add(strategy.suggest(study.history, 2, seed=0))
    study.fail(4, "broken")
    memory = strategy.memory(study.history, 0)
    assert [t.state for t in memory.trials] == [OptunaState.COMPLETE] * 4 + [
        OptunaState.FAIL,
        OptunaState.RUNNING,
    ]
    for trial, known in zip(memory.trials[:4], study.history.completed, strict=True):
        assert trial.constraints == pytest.approx({"latency <= 2": float(known.metrics["latency"]) / 2 - 1})
    assert len(strategy.suggest(study.history, 3, seed=0).proposals) == 3


def test_a_node_without_a_target_is_explained() -> None:
    with pytest.raises(SettingsError, match="needs a _target_"):
        OptunaStrategy({})


@pytest.mark.parametrize("options", [{"population_size": 1}, {"nothing": 1}])
def test_what_a_sampler_does_not_take_is_told_before_the_first_trial(options: dict[str, Any]) -> None:
    with pytest.raises(InstantiationException, match="NSGAIISampler"):
        OptunaStrategy({"_target_": "optuna.samplers.NSGAIISampler", **options})


@pytest.mark.parametrize(
    ("sampler", "options"),
    [
        ("NSGAIISampler", {"population_size": "few"}),
        ("NSGAIISampler", {"population_size": 5.5}),
        ("NSGAIISampler", {"swapping_prob": True}),
        ("TPESampler", {"constant_liar": "no"}),
        ("TPESampler", {"constant_liar": 1}),
    ],
)
def test_a_samplers_numbers_and_switches_are_checked(sampler: str, options: dict[str, Any]) -> None:
    ((name, value),) = options.items()
    with pytest.raises(SettingsError, match=rf"^strategy\.sampler\.{name}={value} is"):
        OptunaStrategy({"_target_": f"optuna.samplers.{sampler}", **options})
