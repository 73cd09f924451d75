"""One sweep of Hydra's override syntax: read, turned into a parameter, or into another range of one."""

import inspect
import math
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    IntervalSweep,
    Override,
    QuotedString,
    RangeSweep,
    Sweep,
)
from hydra.errors import HydraException

from nas.errors import SpaceError
from nas.space.parameters import (
    CategoricalParameter,
    FloatParameter,
    IntegerParameter,
    OrderedParameter,
    Parameter,
)
from nas.space.values import Value, check_value, format_value, is_number

# A range that is no `IntegerParameter` has at most so many values.
LARGEST_RANGE = 10_000
_QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")
_CALL = re.compile(r"\b([a-z_]+)\(")


def parse_override(text: str, loader: ConfigLoader | None = None) -> Override:
    """Reads one override.

    Args:
        text: Such as `x=interval(0, 1)`.
        loader: What finds the options of config groups, for `glob`.

    Raises:
        SpaceError: If it is not in Hydra's syntax, or has a sweep within a value.
    """
    parser = OverridesParser.create()
    # Hydra's own signature of choice(...) leaves null out, although `a,null` is a choice.
    parser.functions.definitions["choice"] = inspect.signature(lambda *values: None)
    try:
        override = parser.parse_override(text)
    except (HydraException, ValueError) as error:
        reason = " ".join(str(error).split()).rstrip(" .:")
        raise SpaceError(f"'{text}' is not in Hydra's override syntax: {reason}.") from error
    override.config_loader = loader
    value = override._value
    items = value.list if isinstance(value, ChoiceSweep) else value
    if not isinstance(items, Sweep | Glob) and _has_sweep(items):
        raise SpaceError(
            f"{override_name(override)}: a sweep cannot stand within a value; sweep over whole values, "
            "as in x=[1,3],[2,3]."
        )
    return override


def override_name(override: Override) -> str:
    """The key without `+` or `++`, with a config group's package."""
    package = "" if override.package is None else f"@{override.package}"
    return f"{override.key_or_group}{package}"


def plain_value(override: Override) -> Value:
    """The value of an override without a sweep, quotes removed."""
    return check_value(override_name(override), _unquoted(override._value))


def _unquoted(value: Any) -> Any:
    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, list):
        return [_unquoted(item) for item in value]
    if isinstance(value, dict):
        return {_unquoted(key): _unquoted(item) for key, item in value.items()}
    return value


def _has_sweep(value: Any) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    return any(map(_has_sweep, value)) if isinstance(value, list) else isinstance(value, Sweep | Glob)


def to_parameter(override: Override) -> Parameter:
    """The parameter that a sweep declares.

    Raises:
        SpaceError: If the sweep has no such meaning.
    """
    name, sweep, log = override_name(override), override._value, _is_log(override)
    if isinstance(sweep, IntervalSweep):
        low, high = _ends(name, sweep)
        if _is_integer(sweep):
            return IntegerParameter(name, int(low), int(high), log=log)
        return FloatParameter(name, low, high, log=log)
    integers = _integers(name, sweep)
    if integers is not None:
        return _integer_range(name, integers, log)
    if log:
        raise SpaceError(f"{name}: log needs an interval or a range of integers, not a choice.")
    values = _values(override)
    if all(is_number(value) for value in values):
        return OrderedParameter(name, tuple(values))
    return CategoricalParameter(name, tuple(values))


def re_range(parameter: Parameter, override: Override) -> Parameter:
    """The parameter with a sweep's range: of the same type, steps and scale, unless the sweep names others.

    Raises:
        SpaceError: If the sweep does not suit the parameter.
    """
    name, sweep, log = parameter.name, override._value, _is_log(override)
    if isinstance(sweep, IntervalSweep):
        return _re_range_interval(parameter, override, sweep, log)
    integers = _integers(name, sweep)
    if integers is not None and isinstance(parameter, IntegerParameter | FloatParameter):
        if isinstance(parameter, IntegerParameter) and any(_off_grid(parameter, i) for i in integers[:2]):
            steps = f"the steps of {integers.step} from {integers.start}"
            raise SpaceError(f"{name}: {steps} leave its own; values must be {parameter.describe()}.")
        return _integer_range(name, integers, log or parameter.log)
    if log:
        raise SpaceError(f"{name}: log needs an interval or a range of integers, not a choice.")
    values = _values(override)
    for value in values:
        numeric = not isinstance(parameter, CategoricalParameter)
        suits = is_number(value) if numeric else parameter.contains(value)
        if not suits or (isinstance(parameter, IntegerParameter) and _off_grid(parameter, value)):
            raise SpaceError(
                f"{name}: {format_value(value)} is not allowed here; values must be {parameter.describe()}."
            )
    if isinstance(parameter, CategoricalParameter):
        return CategoricalParameter(name, tuple(values))
    return OrderedParameter(name, tuple(values))


def _re_range_interval(
    parameter: Parameter, override: Override, sweep: IntervalSweep, log: bool
) -> Parameter:
    name = parameter.name
    low, high = _ends(name, sweep)
    if isinstance(parameter, FloatParameter):
        log = log or parameter.log
        if _is_integer(sweep):
            return IntegerParameter(name, int(low), int(high), log=log)
        return FloatParameter(name, low, high, log)
    if isinstance(parameter, IntegerParameter):
        if "float" in _calls(override):
            raise SpaceError(f"{name}: float(...) does not suit {parameter.describe()}; leave it out.")
        first = parameter.low + math.ceil((low - parameter.low) / parameter.step) * parameter.step
        if first > high:
            raise SpaceError(f"{name}: no value between {low:g} and {high:g} is {parameter.describe()}.")
        return replace(parameter, low=first, high=math.floor(high), log=log or parameter.log)
    if isinstance(parameter, OrderedParameter) and not log and not _calls(override) & {"int", "float"}:
        return replace(parameter, values=tuple(v for v in parameter.values if low <= v <= high))
    raise SpaceError(f"{name}: such an interval cannot narrow {parameter.describe()}; use choice(...).")


def _off_grid(parameter: IntegerParameter, value: Any) -> bool:
    return bool((value - parameter.low) % parameter.step)


def _is_log(override: Override) -> bool:
    name, sweep = override_name(override), override._value
    tags: set[str] = getattr(sweep, "tags", set())
    if unknown := sorted(tags - {"log"}):
        raise SpaceError(f"{name}: unknown tag {', '.join(unknown)}; the only tag is log.")
    # A cast of a range or a choice drops the tags within it, and a tag those of another one.
    if _calls(override, "tag") != len(tags):
        raise SpaceError(f"{name}: a tag has no effect there; write it outside, as in tag(log, int(...)).")
    return "log" in tags


def _is_integer(sweep: IntervalSweep) -> bool:
    return isinstance(sweep.start, int) and isinstance(sweep.end, int)


def _ends(name: str, sweep: IntervalSweep) -> tuple[float, float]:
    start, end = sweep.start, sweep.end
    if start is None or end is None or not (math.isfinite(start) and math.isfinite(end)):
        raise SpaceError(f"{name}: an interval needs two finite numbers, not {start} and {end}.")
    return start, end


def _integers(name: str, sweep: Any) -> range | None:
    """The integers of a range sweep; None if it is another sweep or one of floats."""
    if not isinstance(sweep, RangeSweep):
        return None
    if sweep.step == 0:
        raise SpaceError(f"{name}: a range needs a step other than 0.")
    found = sweep.range()
    return found if isinstance(found, range) else None


def _integer_range(name: str, integers: range, log: bool) -> IntegerParameter | OrderedParameter:
    if len(integers) < 2:
        return OrderedParameter(name, tuple(integers))  # which says what is wrong
    low, high = sorted((integers[0], integers[-1]))
    return IntegerParameter(name, low, high, step=abs(integers.step), log=log)


def _values(override: Override) -> list[Any]:
    name, sweep = override_name(override), override._value
    if isinstance(sweep, Glob):
        return _options(override)
    if isinstance(sweep, RangeSweep):
        return _numbers(name, sweep)
    # No search depends on the order, so that shuffle and sort change nothing.
    return [check_value(name, _unquoted(item)) for item in sweep.list]  # type: ignore[union-attr]


def _options(override: Override) -> list[str]:
    name = override_name(override)
    if override.config_loader is None:
        raise SpaceError(f"{name}: glob needs Hydra's config groups; write choice(...).")
    options = sorted(str(option) for option in override.sweep_iterator())
    if not options:
        raise SpaceError(f"{name}: glob finds no option of a config group {override.key_or_group}; mend it.")
    return options


def _numbers(name: str, sweep: RangeSweep) -> list[int | float]:
    """The numbers of a range, in decimal arithmetic: binary steps add up to 0.30000000000000004, and may
    reach an end that is not to be part of it.
    """
    ends = (sweep.start, sweep.stop, sweep.step)
    start, stop, step = (Decimal(repr(end)) for end in ends)
    if not (start.is_finite() and stop.is_finite() and step.is_finite()):
        raise SpaceError(f"{name}: a range needs finite numbers.")
    count = max(math.ceil((stop - start) / step), 0)
    if count > LARGEST_RANGE:
        raise SpaceError(f"{name}: a range of {count} values is too long; write interval({start}, {stop}).")
    kind = int if all(isinstance(end, int) for end in ends) else float
    return [kind(start + index * step) for index in range(count)]


def _calls(override: Override, name: str | None = None) -> Any:
    found = _CALL.findall(_QUOTED.sub("", override.input_line or ""))
    return set(found) if name is None else found.count(name)
