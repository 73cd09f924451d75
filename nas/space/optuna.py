"""The search space as Optuna knows it.

Optuna's choices are null, booleans, numbers and texts, and equal ones (1 and true) are one. A choice that
holds others, such as lists, is one of JSON texts there.
"""

import json
from collections.abc import Mapping
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from nas.space.parameters import CategoricalParameter, FloatParameter, IntegerParameter, Parameter
from nas.space.space import Space
from nas.space.values import Point, identity


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """Parameter name to its distribution."""
    return {parameter.name: distribution(parameter) for parameter in space.parameters}


def distribution(parameter: Parameter) -> BaseDistribution:
    """The parameter as Optuna knows it."""
    if isinstance(parameter, IntegerParameter):
        # Optuna knows no logarithmic integers with a step.
        log = parameter.log and parameter.step == 1
        return IntDistribution(parameter.low, parameter.high, log=log, step=parameter.step)
    if isinstance(parameter, FloatParameter):
        return FloatDistribution(parameter.low, parameter.high, log=parameter.log)
    values = parameter.values  # type: ignore[attr-defined]
    return CategoricalDistribution([json.dumps(v) for v in values] if _as_json(parameter) else values)


def to_params(space: Space, point: Mapping[str, Any]) -> dict[str, Any]:
    """The active parameters' values as their distributions hold them."""
    point = space.canonical(point)
    params = {}
    for parameter in space.parameters:
        if parameter.name in point:
            value = point[parameter.name]
            if isinstance(parameter, CategoricalParameter) and _as_json(parameter):
                ranks = {identity(one): one for one in parameter.values}
                value = json.dumps(ranks[identity(value)])  # its own order of a mapping's keys
            params[parameter.name] = value
    return params


def to_point(space: Space, params: Mapping[str, Any]) -> Point:
    """The point that a sampler proposes; through the unit cube, so that floats are rounded as those of any
    other strategy.
    """
    by_name = {parameter.name: parameter for parameter in space.parameters}
    point = {n: json.loads(v) if _as_json(by_name[n]) else v for n, v in params.items()}
    return space.decode(space.encode([point]))[0]


def _as_json(parameter: Parameter) -> bool:
    if not isinstance(parameter, CategoricalParameter):
        return False
    values = parameter.values
    return any(isinstance(v, list | dict) for v in values) or len(set(values)) < len(values)
