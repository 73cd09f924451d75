"""The search space: typed parameters and their place in the unit cube.

A *point* maps every parameter's name to a value. `Space.encode` places points in the unit cube, where
surrogates live, and `Space.decode` returns to points. A parameter with k values cuts its unit interval into
k cells and sits at their centres, so that a uniform draw decodes to every value equally often and decoding
an encoded value gives that very value.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from nas.errors import SpaceError

Number = int | float
Value = int | float | str | bool
Point = dict[str, Value]
Array = npt.NDArray[np.float64]

# Decimal digits that a suggested float keeps, so that what is stored and printed is what is run.
FLOAT_DIGITS = 6


class Parameter(Protocol):
    """One searched value of the configuration."""

    @property
    def name(self) -> str:
        """The key of the configuration that it sets."""

    @property
    def width(self) -> int:
        """Number of unit-cube columns that it takes."""

    @property
    def size(self) -> int | None:
        """Number of values; None if there is a continuum."""

    def contains(self, value: Value) -> bool:
        """Whether the value may be suggested."""

    def encode(self, value: Value) -> list[float]:
        """The value's `width` coordinates, each in [0, 1]."""

    def decode(self, unit: Sequence[float]) -> Value:
        """The value at `width` coordinates."""

    def neighbours(self, value: Value) -> list[Value]:
        """The values one step away; none in a continuum."""

    def describe(self) -> str:
        """The range in words, for messages."""


def is_number(value: object) -> bool:
    """Whether the value is an int or a float; booleans are not numbers here."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(unit: float, count: int) -> int:
    return min(max(int(unit * count), 0), count - 1)


@dataclass(frozen=True)
class IntegerParameter:
    """The integers low, low + step, ..., high."""

    name: str
    low: int
    high: int
    step: int = 1
    log: bool = False
    width: int = field(default=1, init=False)

    def __post_init__(self) -> None:
        if self.step < 1 or self.high <= self.low:
            raise SpaceError(f"{self.name}: an integer range needs low < high and a step of at least 1.")
        if self.log and self.low < 1:
            raise SpaceError(f"{self.name}: a log range must start at 1 or above, not at {self.low}.")
        object.__setattr__(self, "high", self.low + (self.high - self.low) // self.step * self.step)

    @property
    def size(self) -> int:
        """Number of values."""
        return (self.high - self.low) // self.step + 1

    def contains(self, value: Value) -> bool:
        """Whether the value may be suggested."""
        return (
            is_number(value)
            and self.low <= float(value) <= self.high
            and (float(value) - self.low) % self.step == 0
        )

    def _log_edges(self) -> tuple[float, float]:
        # Half a step beyond both ends gives the end values a cell as wide as their neighbours'.
        first = self.low - self.step / 2
        return math.log(first if first > 0 else self.low / 2), math.log(self.high + self.step / 2)

    def encode(self, value: Value) -> list[float]:
        """The centre of the value's cell."""
        if self.log:
            low, high = self._log_edges()
            return [(math.log(float(value)) - low) / (high - low)]
        return [((float(value) - self.low) / self.step + 0.5) / self.size]

    def decode(self, unit: Sequence[float]) -> int:
        """The value whose cell holds the coordinate."""
        if not self.log:
            return self.low + self.step * _cell(unit[0], self.size)
        low, high = self._log_edges()
        steps = round((math.exp(low + unit[0] * (high - low)) - self.low) / self.step)
        return self.low + self.step * min(max(steps, 0), self.size - 1)

    def neighbours(self, value: Value) -> list[Value]:
        """The values one step away."""
        return [v for v in (int(value) - self.step, int(value) + self.step) if self.low <= v <= self.high]

    def describe(self) -> str:
        """The range in words."""
        step = f" in steps of {self.step}" if self.step != 1 else ""
        return f"an integer from {self.low} to {self.high}{step}"


@dataclass(frozen=True)
class FloatParameter:
    """A real number from low to high."""

    name: str
    low: float
    high: float
    log: bool = False
    width: int = field(default=1, init=False)
    size: None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise SpaceError(f"{self.name}: a float range needs finite numbers with low < high.")
        if self.log and self.low <= 0:
            raise SpaceError(f"{self.name}: a log range must start above 0, not at {self.low}.")

    def contains(self, value: Value) -> bool:
        """Whether the value may be suggested."""
        return is_number(value) and self.low <= float(value) <= self.high

    def encode(self, value: Value) -> list[float]:
        """The relative position between low and high, in logarithms if `log`."""
        if self.log:
            low, high = math.log(self.low), math.log(self.high)
            return [min(max((math.log(float(value)) - low) / (high - low), 0.0), 1.0)]
        return [(float(value) - self.low) / (self.high - self.low)]

    def decode(self, unit: Sequence[float]) -> float:
        """The value at the coordinate, rounded to `FLOAT_DIGITS` digits of itself (log) or of the range's
        width.
        """
        if self.log:
            low, high = math.log(self.low), math.log(self.high)
            value = float(f"{math.exp(low + unit[0] * (high - low)):.{FLOAT_DIGITS}g}")
        else:
            width = self.high - self.low
            value = round(self.low + unit[0] * width, FLOAT_DIGITS - 1 - math.floor(math.log10(width)))
        return min(max(value, self.low), self.high)

    def neighbours(self, value: Value) -> list[Value]:
        """None: the values form a continuum."""
        return []

    def describe(self) -> str:
        """The range in words."""
        return f"a number from {self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class OrderedParameter:
    """One of some numbers, of which only the order counts: their ranks are equally spaced."""

    name: str
    values: tuple[Number, ...]
    width: int = field(default=1, init=False)

    def __post_init__(self) -> None:
        if len(set(self.values)) < 2:
            raise SpaceError(f"{self.name}: a choice needs at least two different values.")
        object.__setattr__(self, "values", tuple(sorted(set(self.values))))

    @property
    def size(self) -> int:
        """Number of values."""
        return len(self.values)

    def contains(self, value: Value) -> bool:
        """Whether the value may be suggested."""
        return is_number(value) and value in self.values

    def encode(self, value: Value) -> list[float]:
        """The centre of the value's cell."""
        return [(self.values.index(value) + 0.5) / self.size]

    def decode(self, unit: Sequence[float]) -> Number:
        """The value whose cell holds the coordinate."""
        return self.values[_cell(unit[0], self.size)]

    def neighbours(self, value: Value) -> list[Value]:
        """The values of the ranks below and above."""
        rank = self.values.index(value)
        return [*self.values[max(rank - 1, 0) : rank], *self.values[rank + 1 : rank + 2]]

    def describe(self) -> str:
        """The range in words."""
        return f"one of {', '.join(map(str, self.values))}"


@dataclass(frozen=True)
class CategoricalParameter:
    """One of some strings or booleans without an order: one unit-cube column each (one-hot)."""

    name: str
    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        if len(set(self.values)) != len(self.values) or len(self.values) < 2:
            raise SpaceError(f"{self.name}: a choice needs at least two values, all different.")

    @property
    def width(self) -> int:
        """One column a value."""
        return len(self.values)

    @property
    def size(self) -> int:
        """Number of values."""
        return len(self.values)

    def contains(self, value: Value) -> bool:
        """Whether the value may be suggested."""
        return value in self.values

    def encode(self, value: Value) -> list[float]:
        """One for the value's column, zero for the others."""
        return [float(value == candidate) for candidate in self.values]

    def decode(self, unit: Sequence[float]) -> Value:
        """The value with the largest coordinate."""
        return self.values[int(np.argmax(unit))]

    def neighbours(self, value: Value) -> list[Value]:
        """All other values."""
        return [other for other in self.values if other != value]

    def describe(self) -> str:
        """The range in words."""
        return f"one of {', '.join(map(str, self.values))}"


@dataclass(frozen=True)
class Space:
    """A search space.

    Attributes:
        parameters: What is searched.
        fixed: Values of former parameters that the user fixed; part of every point's job, not of the unit
            cube.
    """

    parameters: tuple[Parameter, ...]
    fixed: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.parameters:
            raise SpaceError("no parameter is left to search: leave at least one without a fixed value.")

    @property
    def names(self) -> list[str]:
        """The parameters' names, in order."""
        return [parameter.name for parameter in self.parameters]

    @property
    def dimension(self) -> int:
        """Number of columns of the unit cube."""
        return sum(parameter.width for parameter in self.parameters)

    @property
    def size(self) -> int | None:
        """Number of points; None if any parameter is continuous."""
        sizes = [parameter.size for parameter in self.parameters]
        return None if None in sizes else math.prod(size for size in sizes if size is not None)

    def columns(self) -> list[slice]:
        """Each parameter's columns of the unit cube."""
        ends = np.cumsum([parameter.width for parameter in self.parameters])
        return [
            slice(int(end) - parameter.width, int(end))
            for parameter, end in zip(self.parameters, ends, strict=True)
        ]

    def contains(self, point: Mapping[str, Any]) -> bool:
        """Whether the point could be suggested: every value in its range, and fixed values as fixed."""
        return all(
            parameter.name in point and parameter.contains(point[parameter.name])
            for parameter in self.parameters
        ) and all(point.get(name, value) == value for name, value in self.fixed.items())

    def encode(self, points: Sequence[Mapping[str, Any]]) -> Array:
        """Places n points in the unit cube.

        Args:
            points: Points that the space contains.

        Returns:
            `n x d`, each entry in [0, 1].
        """
        rows = [
            [unit for parameter in self.parameters for unit in parameter.encode(point[parameter.name])]
            for point in points
        ]
        return np.asarray(rows, dtype=np.float64).reshape(len(points), self.dimension)

    def decode(self, units: Array) -> list[Point]:
        """The points nearest to n positions in the unit cube.

        Args:
            units: `n x d`, each entry in [0, 1].
        """
        columns = self.columns()
        return [
            {
                parameter.name: parameter.decode(row[column].tolist())
                for parameter, column in zip(self.parameters, columns, strict=True)
            }
            for row in np.asarray(units, dtype=np.float64)
        ]

    def key(self, point: Mapping[str, Any]) -> tuple[Any, ...]:
        """What makes two points the same trial."""
        return tuple(point[name] for name in self.names)

    def describe(self) -> dict[str, Any]:
        """A JSON-able description: equal for equal spaces, one entry a parameter."""
        return {
            parameter.name: {"type": type(parameter).__name__, **_fields(parameter)}
            for parameter in self.parameters
        } | {name: {"type": "fixed", "value": value} for name, value in self.fixed.items()}


def _fields(parameter: Parameter) -> dict[str, Any]:
    values = asdict(parameter)  # type: ignore[call-overload]
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in values.items()
        if key not in ("name", "width", "size")
    }


def read_space(description: Mapping[str, Mapping[str, Any]]) -> Space:
    """The space that `Space.describe` described."""
    kinds = {
        kind.__name__: kind
        for kind in (IntegerParameter, FloatParameter, OrderedParameter, CategoricalParameter)
    }
    parameters: list[Parameter] = []
    fixed = {}
    for name, entry in description.items():
        if entry["type"] == "fixed":
            fixed[name] = entry["value"]
            continue
        fields: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in entry.items()
            if key != "type"
        }
        parameters.append(kinds[entry["type"]](name, **fields))
    return Space(tuple(parameters), fixed)


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What differs between two JSON-able mappings, one line an entry, nested entries by dotted name."""
    lines = []
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            lines += [f"{key}: {line}" for line in difference(old, new)]
        else:
            lines.append(f"{key}: was {json.dumps(old)}, is {json.dumps(new)}")
    return lines
