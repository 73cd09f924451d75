from collections.abc import Callable

import pytest

from nas.errors import SpaceExhaustedError
from nas.space import IntegerParameter, Space
from nas.strategy import Strategy
from nas.strategy.bayesian import BayesianStrategy
from nas.strategy.optuna import OptunaStrategy
from nas.strategy.sobol import SobolStrategy
from nas.study import Study

MakeStudy = Callable[..., Study]
Fill = Callable[..., None]


def test_sobol_goes_on_where_it_was(make_study: MakeStudy, space: Space, fill: Fill) -> None:
    study = make_study()
    whole = SobolStrategy().suggest(study, space, 12, seed=3)
    assert {p.origin for p in whole} == {"sobol"}
    fill(study, [p.point for p in whole[:5]])
    assert SobolStrategy().suggest(study, space, 7, seed=3) == whole[5:]
    assert SobolStrategy().suggest(study, space, 7, seed=4) != whole[5:]


def test_a_finite_space_is_used_up_once(make_study: MakeStudy) -> None:
    space = Space((IntegerParameter("n", 1, 5),))
    study = make_study()
    proposals = SobolStrategy().suggest(study, space, 9, seed=0)
    assert sorted(p.point["n"] for p in proposals) == [1, 2, 3, 4, 5]
    for proposal in proposals:
        study.propose(proposal.point, "sobol", 0, space)
    with pytest.raises(SpaceExhaustedError, match="every point"):
        SobolStrategy().suggest(study, space, 1, seed=0)


def test_bayesian_starts_with_sobol(make_study: MakeStudy, space: Space) -> None:
    study = make_study()
    assert BayesianStrategy().suggest(study, space, 2, seed=0) == SobolStrategy().suggest(
        study, space, 2, seed=0
    )


def test_bayesian_repeats_nothing_and_is_reproducible(
    make_study: MakeStudy, space: Space, fill: Fill
) -> None:
    study = make_study()
    fill(study, [p.point for p in SobolStrategy().suggest(study, space, 8, seed=0)])
    pending = SobolStrategy().suggest(study, space, 2, seed=0)
    for proposal in pending:
        study.propose(proposal.point, "sobol", 1, space)
    proposals = BayesianStrategy().suggest(study, space, 4, seed=0)
    assert {p.origin for p in proposals} == {"bayesian"}
    keys = [space.key(t.point) for t in study.trials()] + [space.key(p.point) for p in proposals]
    assert len(set(keys)) == 8 + 2 + 4
    assert all(space.contains(p.point) for p in proposals)
    assert BayesianStrategy().suggest(study, space, 4, seed=0) == proposals


def test_bayesian_uses_up_a_finite_space(make_study: MakeStudy) -> None:
    space = Space((IntegerParameter("layers", 1, 3), IntegerParameter("width", 1, 3)))
    study = make_study()
    strategy: Strategy = SobolStrategy()
    for count in (4, 4, 4):
        for proposal in strategy.suggest(study, space, count, seed=0):
            study.propose(proposal.point, proposal.origin, 0, space)
        study.start_waiting()
        for trial in study.trials():
            if trial.values is None:
                width, layers = float(trial.point["width"]), float(trial.point["layers"])
                study.complete(trial.number, {"accuracy": width + layers, "latency": width * layers}, 1.0)
        strategy = BayesianStrategy()
    assert len(study) == 9
    assert len({space.key(t.point) for t in study.trials()}) == 9


@pytest.mark.parametrize("sampler", ["TPESampler", "NSGAIISampler"])
def test_optuna_samplers_see_all_trials(
    make_study: MakeStudy, space: Space, fill: Fill, sampler: str
) -> None:
    study = make_study()
    fill(study, [p.point for p in SobolStrategy().suggest(study, space, 16, seed=0)])
    strategy = OptunaStrategy({"_target_": f"optuna.samplers.{sampler}"})
    proposals = strategy.suggest(study, space, 6, seed=0)
    assert {p.origin for p in proposals} == {sampler.removesuffix("Sampler").lower()}
    assert len({space.key(p.point) for p in proposals}) == 6
    assert all(space.contains(p.point) for p in proposals)
    assert strategy.suggest(study, space, 6, seed=0) == proposals
