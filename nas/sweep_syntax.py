"""Hydra's sweep syntax: from `name=interval(0, 1)` to parameters, and from points to overrides.

`choice(1, 2, 4)` of numbers is an ordered choice, `choice(relu, gelu)` an unordered one, `range(48, 257, 16)`
integers with a step, `interval(0, 0.5)` a float, `int(interval(1, 6))` integers; `tag(log, ...)` makes a
range logarithmic.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    IntervalSweep,
    Override,
    Quote,
    QuotedString,
    RangeSweep,
)
from hydra.errors import OverrideParseException

from nas.errors import SpaceError
from nas.space import (
    CategoricalParameter,
    FloatParameter,
    IntegerParameter,
    OrderedParameter,
    Parameter,
    Point,
    Space,
    Value,
    is_number,
)

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_KEYWORDS = {"true", "false", "null", "nan", "inf"}


def parse_space(params: Mapping[str, Any], arguments: Sequence[str]) -> tuple[Space, list[str]]:
    """Builds the search space from the configuration and the command line.

    Args:
        params: Parameter name to sweep, as in `hydra.sweeper.params`.
        arguments: The command line's task overrides. One that gives a searched parameter a value fixes it,
            one that gives it another sweep re-ranges it, a sweep over anything else adds a parameter.

    Returns:
        The space, and the remaining overrides, which every job gets.

    Raises:
        SpaceError: If a sweep is not understood or a fixed value is out of its range.
    """
    declared: dict[str, Parameter] = {}
    fixed: dict[str, Value] = {}
    others: list[str] = []
    for name, sweep in params.items():
        override = _parse(f"{name}={sweep}")
        if not override.is_sweep_override():
            raise SpaceError(f"{name}: '{sweep}' is no sweep; write for example interval(0, 1).")
        declared[name] = _parameter(override)
    searched = dict(declared)
    for argument in arguments:
        override = _parse(argument)
        name = override.key_or_group
        known = declared.get(name)
        if override.is_sweep_override():
            # As everywhere in Hydra, the last override of a name counts.
            fixed.pop(name, None)
            searched[name] = _parameter(override) if known is None else _narrow(known, override)
        elif known is not None:
            fixed[name] = _fix(known, override)
        else:
            others.append(argument)
    return Space(tuple(p for name, p in searched.items() if name not in fixed), fixed), others


def format_overrides(point: Mapping[str, Any]) -> list[str]:
    """The point as Hydra overrides, every value exact."""
    return [f"{name}={_format_value(value)}" for name, value in point.items()]


def _format_value(value: Any) -> str:
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and value.lower() not in _KEYWORDS
        return value if plain else QuotedString(value, Quote.single).with_quotes()
    if isinstance(value, bool) or value is None:
        return "null" if value is None else str(value).lower()
    return str(Override._get_value_element_as_str(value))


def _parse(text: str) -> Override:
    try:
        override = OverridesParser.create().parse_overrides([text])[0]
        value = override._value
        if isinstance(value, QuotedString) and not override.is_sweep_override():
            # A sweep in quotes, as shells and YAML make people write it, is still a sweep.
            unquoted = _parse_quietly(f"{override.get_key_element()}={value.text}")
            return unquoted if unquoted is not None and unquoted.is_sweep_override() else override
        return override
    except OverrideParseException as error:
        raise SpaceError(f"'{text}' is not in Hydra's override syntax: {error}") from error


def _parse_quietly(text: str) -> Override | None:
    try:
        return OverridesParser.create().parse_overrides([text])[0]
    except OverrideParseException:
        return None


def _parameter(override: Override) -> Parameter:
    name, sweep = override.key_or_group, override._value
    tags: set[str] = getattr(sweep, "tags", set())
    if unknown := sorted(tags - {"log"}):
        raise SpaceError(f"{name}: unknown tag {', '.join(unknown)}; the only tag is log.")
    log = "log" in tags
    if isinstance(sweep, IntervalSweep):
        if isinstance(sweep.start, int) and isinstance(sweep.end, int):
            return IntegerParameter(name, sweep.start, sweep.end, log=log)
        return FloatParameter(name, *_bounds(sweep), log=log)
    values = _values(override)
    if isinstance(sweep, RangeSweep) and all(isinstance(value, int) for value in values):
        step = abs(int(sweep.step))
        return IntegerParameter(name, min(values), max(values), step=step, log=log)
    if log:
        raise SpaceError(f"{name}: log needs an interval or a range of integers, not a choice.")
    if all(is_number(value) for value in values):
        return OrderedParameter(name, tuple(values))
    if all(isinstance(value, str | bool) for value in values):
        return CategoricalParameter(name, tuple(values))
    raise SpaceError(f"{name}: a choice must be of numbers, or of strings and booleans.")


def _bounds(sweep: IntervalSweep) -> tuple[float, float]:
    if sweep.start is None or sweep.end is None:
        raise SpaceError("an interval needs a start and an end.")
    return float(sweep.start), float(sweep.end)


def _values(override: Override) -> list[Any]:
    name, sweep = override.key_or_group, override._value
    if not isinstance(sweep, ChoiceSweep | RangeSweep):
        raise SpaceError(f"{name}: this kind of sweep is not supported; use interval, range or choice.")
    items: Iterable[Any] = sweep.list if isinstance(sweep, ChoiceSweep) else sweep.range()
    values = [item.text if isinstance(item, QuotedString) else item for item in items]
    if isinstance(sweep, RangeSweep):
        # Hydra's steps add up to numbers such as 0.30000000000000004.
        values = [float(f"{value:.12g}") if isinstance(value, float) else value for value in values]
    if len(values) < 2:
        raise SpaceError(f"{name}: a sweep needs at least two values; write {name}=VALUE to fix it.")
    return values


def _fix(parameter: Parameter, override: Override) -> Value:
    value: Any = override.value()
    if not parameter.contains(value):
        raise SpaceError(
            f"{parameter.name}={value} is out of range: it must be {parameter.describe()}; "
            f"give such a value, or another range in Hydra's sweep syntax."
        )
    return value if isinstance(value, str | bool | int | float) else str(value)


def _narrow(parameter: Parameter, override: Override) -> Parameter:
    """The parameter with another range, of the same type and on the same steps."""
    name, sweep = parameter.name, override._value
    if isinstance(sweep, IntervalSweep):
        low, high = _bounds(sweep)
        if isinstance(parameter, FloatParameter):
            return replace(parameter, low=low, high=high)
        if isinstance(parameter, IntegerParameter):
            first = parameter.low + math.ceil((low - parameter.low) / parameter.step) * parameter.step
            if first > high:
                raise SpaceError(f"{name}: no value between {low:g} and {high:g} is {parameter.describe()}.")
            return replace(parameter, low=first, high=math.floor(high))
        if isinstance(parameter, OrderedParameter):
            return replace(parameter, values=tuple(v for v in parameter.values if low <= v <= high))
        raise SpaceError(f"{name}: an interval cannot narrow {parameter.describe()}; use choice(...).")
    values = _values(override)
    if isinstance(parameter, FloatParameter | IntegerParameter | OrderedParameter):
        wrong = [value for value in values if not is_number(value)]
        if isinstance(parameter, IntegerParameter):
            wrong += [value for value in values if not wrong and (value - parameter.low) % parameter.step]
        if isinstance(parameter, FloatParameter):
            wrong += [value for value in values if not wrong and not parameter.contains(value)]
        if isinstance(sweep, RangeSweep) and isinstance(parameter, IntegerParameter) and not wrong:
            return replace(parameter, low=min(values), high=max(values), step=abs(int(sweep.step)))
        if not wrong:
            return OrderedParameter(name, tuple(values))
    else:
        wrong = [value for value in values if not parameter.contains(value)]
        if not wrong:
            return CategoricalParameter(name, tuple(values))
    raise SpaceError(f"{name}: {wrong[0]} is not allowed here; values must be {parameter.describe()}.")


def reference_point(reference: Mapping[str, Any], space: Space, defaults: Mapping[str, Any]) -> Point:
    """The reference model's point: its own values, and the configuration's where it names none.

    Args:
        reference: Overrides of the reference model.
        space: The search space.
        defaults: The composed configuration's value of every parameter of the space.

    Raises:
        SpaceError: If a parameter has a value neither in the reference nor in the configuration.
    """
    point: Point = {}
    for name in space.names:
        value = reference.get(name, defaults.get(name))
        if value is None:
            raise SpaceError(f"the reference model has no {name}; add it to hydra.sweeper.reference.")
        point[name] = value
    return point | {name: value for name, value in reference.items() if name not in point}
