"""Hydra's sweep syntax: from `name=interval(0, 1)` to a search space.

`choice(1, 2, 4)` of numbers is an ordered choice, one of other values an unordered one, `range(48, 257, 16)`
integers with a step, `interval(0, 0.5)` a float, `int(interval(1, 6))` integers; `tag(log, ...)` makes a
range logarithmic. docs/sweeper.md has the whole table.

A text in quotes is one value, `"a, b"` as much as `"range(1, 5)"`. Only in `hydra.sweeper.params`, where YAML
makes people quote, a function such as `range` in quotes is a sweep.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.types import ChoiceSweep, Override, QuotedString
from omegaconf import DictConfig, OmegaConf

from nas.errors import SpaceError
from nas.space.parameters import Parameter
from nas.space.space import Condition, Space
from nas.space.sweeps import override_name, parse_override, plain_value, re_range, to_parameter
from nas.space.values import Point, Value, check_value, format_value

_MISSING = object()


def parse_space(
    params: Mapping[str, Any], arguments: Sequence[str], loader: ConfigLoader | None = None
) -> tuple[Space, list[str]]:
    """Builds the search space from the configuration and the command line.

    Args:
        params: Parameter name to sweep, as in `hydra.sweeper.params`; or to a mapping of a `range`, the
            sweep, and `when`, another parameter and its value or values with which this one counts.
        arguments: The command line's task overrides. One that gives a searched parameter a value fixes it,
            one that gives it another sweep re-ranges it, a sweep over anything else adds a parameter. The
            last one of a name counts.
        loader: What finds the options of config groups, for `glob`.

    Returns:
        The space, and the remaining overrides, which every job gets.

    Raises:
        SpaceError: If a sweep is not understood or a fixed value is out of its range.
    """
    declared: dict[str, Parameter] = {}
    conditions: dict[str, Condition] = {}
    prefixes: dict[str, str] = {}
    for key, entry in params.items():
        sweep, when = _split(key, entry)
        override = _declared(key, sweep, loader)
        name = override_name(override)
        declared[name] = to_parameter(override)
        prefixes[name] = _prefix(override)
        if when is not None:
            conditions[name] = when
    searched = dict(declared)
    fixed: dict[str, Value] = {}
    others: list[tuple[str, str]] = []
    for argument in arguments:
        override = parse_override(argument, loader)
        name = override_name(override)
        known = declared.get(name)
        if known is not None and override.is_delete():
            raise SpaceError(f"~{name} deletes what is searched; fix it with {name}=VALUE instead.")
        fixed.pop(name, None)
        if override.is_sweep_override():
            others = [(other, text) for other, text in others if other != name]
            searched[name] = to_parameter(override) if known is None else re_range(known, override)
        elif known is not None:
            fixed[name] = _fix(known, override)
        else:
            searched.pop(name, None)
            others.append((name, argument))
        prefixes[name] = _prefix(override) or prefixes.get(name, "")
    parameters = [parameter for name, parameter in searched.items() if name not in fixed]
    marked = {n: prefix for n, prefix in prefixes.items() if prefix and (n in searched or n in fixed)}
    space = _reduce(Space(tuple(parameters), fixed, conditions, marked))
    return space, [text for _, text in others]


def _split(key: str, entry: Any) -> tuple[Any, Condition | None]:
    if not isinstance(entry, Mapping):
        return entry, None
    when = entry.get("when")
    if set(entry) != {"range", "when"} or not isinstance(when, Mapping) or len(when) != 1:
        raise SpaceError(
            f"{key}: a parameter is a sweep, or a mapping such as "
            "{range: 'interval(0, 1)', when: {optimiser: sgd}}."
        )
    ((parent, values),) = when.items()
    values = values if isinstance(values, list | tuple) else [values]
    return entry["range"], Condition(str(parent), tuple(check_value(key, value) for value in values))


def _declared(key: str, sweep: Any, loader: ConfigLoader | None) -> Override:
    override = parse_override(f"{key}={sweep if isinstance(sweep, str) else format_value(sweep)}", loader)
    if isinstance(override._value, QuotedString):
        try:
            unquoted = parse_override(f"{key}={override._value.text}", loader)
        except SpaceError:
            unquoted = override
        simple = isinstance(unquoted._value, ChoiceSweep) and unquoted._value.simple_form
        override = override if simple else unquoted
    if override.is_delete() or not override.is_sweep_override():
        raise SpaceError(
            f"{key}: '{sweep}' is no sweep; write for example interval(0, 1) or choice(1, 2), "
            "and a single value into the configuration itself."
        )
    return override


def _prefix(override: Override) -> str:
    return "+" if override.is_add() else "++" if override.is_force_add() else ""


def _fix(parameter: Parameter, override: Override) -> Value:
    value = plain_value(override)
    if not parameter.contains(value):
        text = value if isinstance(value, str) else format_value(value)
        raise SpaceError(
            f"{parameter.name}={text} is out of range: it must be {parameter.describe()}; "
            "give such a value, or another range in Hydra's sweep syntax, without quotes."
        )
    return value


def _reduce(space: Space) -> Space:
    """The space without conditions on what the user has fixed, and without what they leave inactive."""
    conditions: dict[str, Condition] = {}
    dead: set[str] = set()
    for name in sorted(space.conditions, key=space.depth):
        condition: Condition | None = space.conditions[name]
        while condition is not None and condition.parameter in space.fixed:
            if not condition.holds(space.fixed[condition.parameter]):
                dead.add(name)
            condition = conditions.get(condition.parameter)
        if condition is not None:
            conditions[name] = condition
            if condition.parameter in dead:
                dead.add(name)
    for name in dead & set(space.fixed):
        parent = space.conditions[name].parameter
        raise SpaceError(f"{name} has no effect with this {parent}; leave out its value or change {parent}.")
    return Space(
        tuple(parameter for parameter in space.parameters if parameter.name not in dead),
        space.fixed,
        {name: condition for name, condition in conditions.items() if name not in dead},
        {name: prefix for name, prefix in space.prefixes.items() if name not in dead},
    )


def configured_values(config: DictConfig, space: Space) -> Point:
    """The composed configuration's values of a space's parameters: of a config group, its option. What the
    configuration does not have is left out.
    """
    choices = OmegaConf.select(config, "hydra.runtime.choices", default={})
    found: Point = {}
    for name in space.names:
        value: Any = choices.get(name, _MISSING)
        if value is _MISSING:
            value = OmegaConf.select(config, name, default=_MISSING)
        if OmegaConf.is_config(value):
            value = OmegaConf.to_container(value, resolve=True)
        if value is not _MISSING:
            found[name] = value
    return found


def reference_point(reference: Mapping[str, Any], space: Space, defaults: Mapping[str, Any]) -> Point:
    """The reference model's point: its own values, and the configuration's where it names none.

    Args:
        reference: Overrides of the reference model, with or without their `+`.
        space: The search space.
        defaults: The composed configuration's values, as `configured_values` finds them.

    Raises:
        SpaceError: If an active parameter has a value neither in the reference nor in the configuration.
    """
    own: Point = {}
    for key, value in reference.items():
        name = key.lstrip("+")
        # What is no parameter keeps its prefix, which the job needs.
        own[name if name in space.names or name in space.fixed else key] = check_value(key, value)
    point = dict(own)
    for parameter in space.parameters:
        default = defaults.get(parameter.name)
        if parameter.name not in point and (default is not None or parameter.contains(None)):
            point[parameter.name] = default
    for name in space.names:
        if name not in point and space.is_active(name, point):
            raise SpaceError(f"the reference model has no {name}; add it to hydra.sweeper.reference.")
    return space.canonical(point)
