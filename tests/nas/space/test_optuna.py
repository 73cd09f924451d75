import json
import warnings

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, distribution_to_json, json_to_distribution
from optuna.trial import create_trial

from nas.space import CategoricalParameter, Space
from nas.space.optuna import distribution, distributions, to_params, to_point
from nas.space.syntax import parse_space
from tests.nas.space.strategies import points, spaces


@given(st.data(), spaces())
def test_optuna_takes_every_point_and_gives_it_back(data: st.DataObject, space: Space) -> None:
    point = data.draw(points(space))
    params = to_params(space, point)
    found = {name: one for name, one in distributions(space).items() if name in params}
    create_trial(params=params, distributions=found, value=0.0)  # checks both
    for name, one in found.items():
        stored = json.loads(json.dumps(one.to_internal_repr(params[name])))
        again = json_to_distribution(distribution_to_json(one))
        params[name] = again.to_external_repr(stored)
    assert to_point(space, params) == point


@pytest.mark.parametrize("values", [("a", "b"), (None, 0.1), (True, "1", 2)])
def test_plain_choices_stay_as_studies_have_them(values: tuple[object, ...]) -> None:
    assert distribution(CategoricalParameter("p", values)) == CategoricalDistribution(values)  # type: ignore[arg-type]


def test_a_sampler_proposes_points_of_a_space_with_everything_in_it() -> None:
    params = {
        "x": "tag(log, interval(1e-3, 1))",
        "n": "tag(log, range(2, 40, 3))",
        "widths": "[64],[128,32],null",
        "flag": "true,1,x",
        "m": {"range": "interval(0, 1)", "when": {"flag": 1}},
    }
    space, _ = parse_space(params, [])
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0, n_startup_trials=4))
    for _ in range(16):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            trial = study.ask(distributions(space))
        point = to_point(space, trial.params)
        assert space.contains(point)
        assert ("m" in point) == (point["flag"] == 1 and point["flag"] is not True)
        study.tell(trial, float(point["x"]))  # type: ignore[arg-type]
