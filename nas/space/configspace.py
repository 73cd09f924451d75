"""The search space as ConfigSpace knows it, for SMAC and CARP-S; the library must be installed.

ConfigSpace has no integers with a step: those, and ordered choices, are its ordinals. A choice of anything
else is one of JSON texts.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nas.space.parameters import FloatParameter, IntegerParameter, OrderedParameter, Parameter
from nas.space.space import Space
from nas.space.values import Point

if TYPE_CHECKING:
    from ConfigSpace import Configuration, ConfigurationSpace


def configuration_space(
    space: Space, default: Mapping[str, Any] | None = None, *, seed: int | None = None
) -> "ConfigurationSpace":
    """The space with its conditions.

    Args:
        space: What is searched; fixed values are not part of it.
        default: The default configuration, a point of the space; None: ConfigSpace's own.
        seed: Of what is sampled from it.
    """
    from ConfigSpace import ConfigurationSpace, InCondition

    found = ConfigurationSpace(seed=seed)
    made = {p.name: _hyperparameter(p, (default or {}).get(p.name)) for p in space.parameters}
    found.add(list(made.values()))
    by_name = {parameter.name: parameter for parameter in space.parameters}
    for name, condition in space.conditions.items():
        parent = by_name[condition.parameter]
        values = [_to_value(parent, value) for value in condition.values]
        found.add(InCondition(made[name], made[parent.name], values))
    return found


def to_point(space: Space, configuration: Mapping[str, Any]) -> Point:
    """The point of a configuration."""
    point: Point = {}
    for parameter in space.parameters:
        if parameter.name in configuration:
            value = configuration[parameter.name]
            value = value.item() if hasattr(value, "item") else value
            if isinstance(parameter, FloatParameter):
                # A logarithm and back may leave the range by the last digit.
                value = min(max(float(value), parameter.low), parameter.high)
            elif not isinstance(parameter, IntegerParameter | OrderedParameter):
                value = json.loads(value)
            point[parameter.name] = value
    return point


def to_configuration(space: Space, known_as: "ConfigurationSpace", point: Point) -> "Configuration":
    """The configuration of a point of the space, in what `configuration_space` made of it."""
    from ConfigSpace import Configuration

    values = {p.name: _to_value(p, point[p.name]) for p in space.parameters if p.name in point}
    return Configuration(known_as, values)


def _hyperparameter(parameter: Parameter, default: Any) -> Any:
    from ConfigSpace import (
        CategoricalHyperparameter,
        OrdinalHyperparameter,
        UniformFloatHyperparameter,
        UniformIntegerHyperparameter,
    )

    chosen = {} if default is None else {"default_value": _to_value(parameter, default)}
    name = parameter.name
    if isinstance(parameter, FloatParameter):
        return UniformFloatHyperparameter(name, parameter.low, parameter.high, log=parameter.log, **chosen)
    if isinstance(parameter, IntegerParameter):
        low, high = parameter.low, parameter.high
        if parameter.step == 1:
            return UniformIntegerHyperparameter(name, low, high, log=parameter.log, **chosen)
        return OrdinalHyperparameter(name, list(range(low, high + 1, parameter.step)), **chosen)
    values = [_to_value(parameter, value) for value in parameter.values]  # type: ignore[attr-defined]
    kind = OrdinalHyperparameter if isinstance(parameter, OrderedParameter) else CategoricalHyperparameter
    return kind(name, values, **chosen)


def _to_value(parameter: Parameter, value: Any) -> Any:
    ordered = isinstance(parameter, FloatParameter | IntegerParameter | OrderedParameter)
    return value if ordered else json.dumps(value)
