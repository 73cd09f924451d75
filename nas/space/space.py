"""The search space: parameters, the conditions under which they count, and points in the unit cube."""

import json
import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from operator import itemgetter
from typing import Any

import numpy as np

from nas.errors import SpaceError
from nas.space.parameters import (
    Array,
    CategoricalParameter,
    FloatParameter,
    IntegerParameter,
    OrderedParameter,
    Parameter,
)
from nas.space.values import Point, Value, format_value


@dataclass(frozen=True)
class Condition:
    """When a parameter counts.

    Attributes:
        parameter: Name of another parameter.
        values: Its values with which the parameter counts.
    """

    parameter: str
    values: tuple[Value, ...]

    def holds(self, value: Any) -> bool:
        """Whether the other parameter's value is one of them."""
        return any(_equal(value, one) for one in self.values)


@dataclass(frozen=True)
class Space:
    """A search space.

    A *point* maps every parameter's name to a value. A parameter whose condition does not hold is *inactive*:
    it is not part of the point, nor of its job, and sits at the centre of its columns of the unit cube.

    Attributes:
        parameters: What is searched.
        fixed: Values of former parameters that the user fixed; part of every point's job, not of the unit
            cube.
        conditions: Parameter name to the condition under which it is active; always if it has none.
        prefixes: Parameter name to what stands before it in an override: `+` or `++`.
    """

    parameters: tuple[Parameter, ...]
    fixed: Mapping[str, Value] = field(default_factory=dict)
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    prefixes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.parameters:
            raise SpaceError("no parameter is left to search: leave at least one without a fixed value.")
        for name, condition in self.conditions.items():
            if name not in self._by_name and name not in self.fixed:
                raise SpaceError(f"{name}: a condition for what is no parameter; leave it out.")
            self._check_condition(name, condition)

    def _check_condition(self, name: str, condition: Condition) -> None:
        parent = condition.parameter
        if parent not in self.fixed:
            parameter = self._by_name.get(parent)
            if parameter is None:
                raise SpaceError(f"{name}: its condition names {parent}, which is no parameter; add it.")
            if parameter.size is None:
                raise SpaceError(f"{name}: its condition needs a choice, but {parent} is a continuous range.")
            for value in condition.values:
                if not parameter.contains(value):
                    raise SpaceError(
                        f"{name}: its condition {parent}={format_value(value)} never holds; "
                        f"{parent} is {parameter.describe()}."
                    )
        ancestors = {name}
        while (above := self.conditions.get(parent)) is not None:
            ancestors.add(parent)
            parent = above.parameter
            if parent in ancestors:
                raise SpaceError(f"{name}: its condition leads back to itself; leave one of them out.")

    @cached_property
    def names(self) -> list[str]:
        """The parameters' names, in order."""
        return [parameter.name for parameter in self.parameters]

    @cached_property
    def _by_name(self) -> dict[str, Parameter]:
        return {parameter.name: parameter for parameter in self.parameters}

    @cached_property
    def _columns(self) -> list[slice]:
        ends = np.cumsum([parameter.width for parameter in self.parameters]).tolist()
        return [slice(end - p.width, end) for p, end in zip(self.parameters, ends, strict=True)]

    @cached_property
    def dimension(self) -> int:
        """Number of columns of the unit cube."""
        return sum(parameter.width for parameter in self.parameters)

    @property
    def size(self) -> int | None:
        """Number of points; None if any parameter is continuous."""
        if any(parameter.size is None for parameter in self.parameters):
            return None
        return math.prod(self._count(name) for name in self.names if name not in self.conditions)

    def _count(self, name: str) -> int:
        """Number of points in a parameter and those that depend on it."""
        parameter = self._by_name[name]
        below = {n: c for n, c in self.conditions.items() if c.parameter == name and n in self._by_name}
        named = {parameter.key(value) for condition in below.values() for value in condition.values}
        counts = [
            math.prod(
                self._count(child)
                for child, condition in below.items()
                if key in {parameter.key(value) for value in condition.values}
            )
            for key in named
        ]
        return (parameter.size or 0) - len(named) + sum(counts)

    def columns(self) -> list[slice]:
        """Each parameter's columns of the unit cube."""
        return list(self._columns)

    def is_active(self, name: str, point: Mapping[str, Any]) -> bool:
        """Whether a parameter counts at a point: its condition holds, and that of the one it depends on."""
        condition = self.conditions.get(name)
        if condition is None:
            return True
        parent = condition.parameter
        value = point.get(parent, self.fixed.get(parent))
        return self.is_active(parent, point) and condition.holds(value)

    def canonical(self, point: Mapping[str, Any]) -> Point:
        """The point without what is inactive; what has become active and has no value yet sits at its
        centre. Entries that are no parameters stay.
        """
        result = dict(point)
        if not self.conditions:
            return result
        for name in self._by_depth:
            if not self.is_active(name, result):
                result.pop(name, None)
            elif name not in result:
                parameter = self._by_name[name]
                result[name] = parameter.decode(np.full((1, parameter.width), _centre(parameter)))[0]
        return result

    @cached_property
    def _by_depth(self) -> list[str]:
        """The searched parameters that have a condition, each after the one that it depends on."""
        return sorted((name for name in self.names if name in self.conditions), key=self.depth)

    def depth(self, name: str) -> int:
        """How many conditions lead to a parameter."""
        return 1 + self.depth(self.conditions[name].parameter) if name in self.conditions else 0

    def contains(self, point: Mapping[str, Any]) -> bool:
        """Whether the point could be suggested: every active value in its range, and fixed values as
        fixed.
        """
        for name, parameter in self._by_name.items():
            if name in point:
                if not parameter.contains(point[name]):
                    return False
            elif self.is_active(name, point):
                return False
        return all(_equal(point.get(name, value), value) for name, value in self.fixed.items())

    def encode(self, points: Sequence[Mapping[str, Any]]) -> Array:
        """Places n points in the unit cube.

        Args:
            points: Points that the space contains.

        Returns:
            `n x d`, each entry in [0, 1].
        """
        units = np.empty((len(points), self.dimension))
        if not self.conditions:
            for parameter, columns in zip(self.parameters, self._columns, strict=True):
                units[:, columns] = parameter.encode([point[parameter.name] for point in points])
            return units
        canonical = [self.canonical(point) for point in points]
        for parameter, columns in zip(self.parameters, self._columns, strict=True):
            units[:, columns] = _centre(parameter)
            active = [row for row, point in enumerate(canonical) if parameter.name in point]
            units[active, columns] = parameter.encode([canonical[row][parameter.name] for row in active])
        return units

    def decode(self, units: Array) -> list[Point]:
        """The points nearest to n positions in the unit cube.

        Args:
            units: `n x d`, each entry in [0, 1].
        """
        units = np.asarray(units, dtype=np.float64)
        values = [
            parameter.decode(units[:, columns])
            for parameter, columns in zip(self.parameters, self._columns, strict=True)
        ]
        points = [dict(zip(self.names, row, strict=True)) for row in zip(*values, strict=True)]
        return [self.canonical(point) for point in points] if self.conditions else points

    def at_quantiles(self, quantiles: Array) -> list[Point]:
        """The points at quantiles of what a search draws: one number a parameter, not one a column.

        Args:
            quantiles: `n x p`, each in [0, 1]; uniform ones give every value of a choice equally often.
        """
        units = np.zeros((len(quantiles), self.dimension))
        rows = np.arange(len(quantiles))
        for share, parameter, columns in zip(quantiles.T, self.parameters, self._columns, strict=True):
            if parameter.width == 1:
                units[:, columns.start] = share
            else:
                value = np.minimum(share * parameter.width, parameter.width - 1).astype(np.int64)
                units[rows, columns.start + value] = 1.0
        return self.decode(units)

    def key(self, point: Mapping[str, Any]) -> tuple[Hashable, ...]:
        """What makes two points the same trial: the values and types of what is active."""
        if self.conditions:
            point = self.canonical(point)
            return tuple(p.key(point[p.name]) if p.name in point else None for p in self.parameters)
        found = self._values_of(point)
        values = found if len(self.parameters) > 1 else (found,)
        if not self._categorical:
            return values
        changed = list(values)
        for index, parameter in self._categorical:
            changed[index] = parameter.key(changed[index])
        return tuple(changed)

    @cached_property
    def _values_of(self) -> Callable[[Mapping[str, Any]], Any]:
        return itemgetter(*self.names)

    @cached_property
    def _categorical(self) -> list[tuple[int, Parameter]]:
        # A number is its own key, which spares most of the calls.
        return [(i, p) for i, p in enumerate(self.parameters) if isinstance(p, CategoricalParameter)]

    def neighbours(self, point: Mapping[str, Any]) -> list[tuple[str, Value]]:
        """The single steps from a point, a name and its new value each: `canonical(point | {name: value})`
        is a neighbour. Continuous parameters have none.
        """
        point = self.canonical(point)
        return [
            (parameter.name, other)
            for parameter in self.parameters
            if parameter.name in point
            for other in parameter.neighbours(point[parameter.name])
        ]

    def overrides(self, point: Mapping[str, Any]) -> list[str]:
        """What a point's job is given in Hydra's syntax: fixed values and the point's, every value exact."""
        values = {**self.fixed, **self.canonical(point)}
        return [
            f"{self.prefixes.get(name, '')}{name}={format_value(value)}"
            for name, value in values.items()
            if self.is_active(name, values)
        ]

    def describe(self) -> dict[str, Any]:
        """A JSON-able description: equal for equal spaces, one entry a parameter."""
        entries: dict[str, dict[str, Any]] = {
            parameter.name: {"type": type(parameter).__name__, **_fields(parameter)}
            for parameter in self.parameters
        } | {name: {"type": "fixed", "value": value} for name, value in self.fixed.items()}
        for name, condition in self.conditions.items():
            entries[name]["when"] = {condition.parameter: list(condition.values)}
        for name, prefix in self.prefixes.items():
            entries[name]["prefix"] = prefix
        return entries


def _centre(parameter: Parameter) -> float:
    """The coordinate, the same in each of its columns, of an inactive parameter."""
    return 1 / max(parameter.width, 2)


def _equal(one: Any, other: Any) -> bool:
    # 1 and 1.0 are equal, but neither is True.
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _fields(parameter: Parameter) -> dict[str, Any]:
    values = asdict(parameter)  # type: ignore[call-overload]
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in values.items()
        if key not in ("name", "width", "size")
    }


def read_space(description: Mapping[str, Mapping[str, Any]]) -> Space:
    """The space that `Space.describe` described."""
    kinds: dict[str, Callable[..., Parameter]] = {
        kind.__name__: kind
        for kind in (IntegerParameter, FloatParameter, OrderedParameter, CategoricalParameter)
    }
    parameters: list[Parameter] = []
    fixed, conditions, prefixes = {}, {}, {}
    for name, entry in description.items():
        fields: dict[str, Any] = dict(entry)
        kind = fields.pop("type")
        for parent, values in fields.pop("when", {}).items():
            conditions[name] = Condition(parent, tuple(values))
        if prefix := fields.pop("prefix", ""):
            prefixes[name] = prefix
        if kind == "fixed":
            fixed[name] = fields["value"]
        else:
            tuples = {key: tuple(value) for key, value in fields.items() if isinstance(value, list)}
            parameters.append(kinds[kind](name, **(fields | tuples)))
    return Space(tuple(parameters), fixed, conditions, prefixes)


def difference(
    before: Mapping[str, Any], after: Mapping[str, Any], *, absent_is_off: bool = False
) -> list[str]:
    """What differs between two JSON-able mappings, one line an entry, nested entries by dotted name.

    Args:
        before: One mapping.
        after: The other.
        absent_is_off: An option that one of them lacks, being of before it came, and that is 0, false or null
            in the other is no difference.
    """
    lines = []
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if absent_is_off and not (key in before and key in after) and _is_off(old) and _is_off(new):
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            lines += [f"{key}: {line}" for line in difference(old, new, absent_is_off=absent_is_off)]
        else:
            lines.append(f"{key}: was {json.dumps(old)}, is {json.dumps(new)}")
    return lines


def _is_off(value: Any) -> bool:
    return all(map(_is_off, value.values())) if isinstance(value, Mapping) else not value


def tell(lines: Sequence[str], most: int = 6) -> str:
    """The first lines of `difference` as a part of a sentence, and how many more there are."""
    more = [f"and {len(lines) - most} more"] if len(lines) > most else []
    return "; ".join([*lines[:most], *more])
