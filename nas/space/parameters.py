"""Typed parameters and their place in the unit cube.

A parameter with k values cuts its unit interval into k cells and sits at their centres, so that a uniform
draw decodes to every value equally often and decoding an encoded value gives that very value.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from nas.errors import SpaceError
from nas.space.values import Number, Value, check_value, format_value, identity, is_number

Array = npt.NDArray[np.float64]

# Decimal digits that a suggested float keeps, so that what is stored and printed is what is run.
FLOAT_DIGITS = 6
# Integers up to this size are told apart by a unit-cube coordinate, also on a logarithmic scale.
LARGEST_INTEGER = 2**40
# Sizes of floats, and the narrowest ranges, where rounding to `FLOAT_DIGITS` outweighs a float's own error.
SMALLEST_FLOAT, LARGEST_FLOAT = 1e-300, 1e300
NARROWEST, NARROWEST_LOG = 1e-9, 1e-5


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

    def contains(self, value: Any) -> bool:
        """Whether the value may be suggested."""

    def encode(self, values: Sequence[Any]) -> Array:
        """The coordinates of n values that it contains, `n x width`, each in [0, 1]."""

    def decode(self, units: Array) -> Sequence[Value]:
        """The n values at coordinates `n x width`."""

    def neighbours(self, value: Any) -> Sequence[Value]:
        """The values one step away; none in a continuum."""

    def key(self, value: Any) -> Hashable:
        """What makes two values the same one."""

    def describe(self) -> str:
        """The range in words, for messages."""


def _check_order(name: str, low: Number, high: Number) -> None:
    if low == high:
        raise SpaceError(
            f"{name}: the range from {low} to {high} is one value; write {name}={low} to fix it."
        )
    if not low < high:
        raise SpaceError(f"{name}: a range needs low < high, not {low} and {high}; swap them.")


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
        _check_order(self.name, self.low, self.high)
        if self.step < 1:
            raise SpaceError(f"{self.name}: a range of integers needs a step of at least 1, not {self.step}.")
        if self.log and self.low < 1:
            raise SpaceError(f"{self.name}: a log range must start at 1 or above, not at {self.low}.")
        if max(-self.low, self.high) > LARGEST_INTEGER:
            raise SpaceError(
                f"{self.name}: integers beyond {LARGEST_INTEGER} cannot be told apart in a range; "
                "search an exponent or a factor instead."
            )
        object.__setattr__(self, "high", self.low + (self.high - self.low) // self.step * self.step)
        _check_order(self.name, self.low, self.high)

    @property
    def size(self) -> int:
        """Number of values."""
        return (self.high - self.low) // self.step + 1

    def contains(self, value: Any) -> bool:
        """Whether the value may be suggested."""
        return is_number(value) and self.low <= value <= self.high and (value - self.low) % self.step == 0

    def _log_edges(self) -> tuple[float, float]:
        # Half a step beyond both ends gives the end values a cell as wide as their neighbours'.
        first = self.low - self.step / 2
        return math.log(first if first > 0 else self.low / 2), math.log(self.high + self.step / 2)

    def encode(self, values: Sequence[Any]) -> Array:
        """The centres of the values' cells, `n x 1`."""
        numbers = np.asarray(values, dtype=np.float64)[:, None]
        if self.log:
            low, high = self._log_edges()
            return (np.log(numbers) - low) / (high - low)
        return ((numbers - self.low) / self.step + 0.5) / self.size

    def decode(self, units: Array) -> list[int]:
        """The values whose cells hold the coordinates, `n x 1`."""
        if self.log:
            low, high = self._log_edges()
            steps = np.rint((np.exp(low + units[:, 0] * (high - low)) - self.low) / self.step)
        else:
            steps = np.floor(units[:, 0] * self.size)
        cells = np.clip(steps, 0, self.size - 1).astype(np.int64)
        return [int(value) for value in (self.low + self.step * cells).tolist()]

    def neighbours(self, value: Any) -> list[int]:
        """The values one step away."""
        return [v for v in (int(value) - self.step, int(value) + self.step) if self.low <= v <= self.high]

    def key(self, value: Any) -> Hashable:
        """The number."""
        return value  # type: ignore[no-any-return]

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
        name, low, high = self.name, self.low, self.high
        if not (math.isfinite(low) and math.isfinite(high)):
            raise SpaceError(f"{name}: a range needs finite numbers, not {low} and {high}.")
        _check_order(name, low, high)
        if self.log and low <= 0:
            raise SpaceError(f"{name}: a log range must start above 0, not at {low}.")
        if any(bound and not SMALLEST_FLOAT <= abs(bound) <= LARGEST_FLOAT for bound in (low, high)):
            raise SpaceError(
                f"{name}: a range's ends must be 0 or {SMALLEST_FLOAT:g} to {LARGEST_FLOAT:g} in size; "
                "search in another unit."
            )
        if self._extent() < (NARROWEST_LOG if self.log else NARROWEST * max(abs(low), abs(high))):
            raise SpaceError(
                f"{name}: the range from {low} to {high} is too narrow for floats to tell its values apart; "
                f"search the difference from {low} instead."
            )

    def _extent(self) -> float:
        return math.log(self.high) - math.log(self.low) if self.log else self.high - self.low

    def contains(self, value: Any) -> bool:
        """Whether the value may be suggested."""
        return is_number(value) and self.low <= value <= self.high

    def encode(self, values: Sequence[Any]) -> Array:
        """The relative positions between low and high, in logarithms if `log`; `n x 1`."""
        numbers = np.asarray(values, dtype=np.float64)[:, None]
        if self.log:
            low, high = np.log(self.low), np.log(self.high)
            units: Array = np.clip((np.log(numbers) - low) / (high - low), 0.0, 1.0)
            return units
        return (numbers - self.low) / (self.high - self.low)

    def decode(self, units: Array) -> list[float]:
        """The values at the coordinates, `n x 1`: at 0 and 1 the very ends, between them rounded to
        `FLOAT_DIGITS` digits of themselves (log; to more in a narrow range) or of the range's width.
        """
        low, high = self.low, self.high
        digits = FLOAT_DIGITS - 1 - math.floor(math.log10(self._extent()))
        column = units[:, 0]
        if self.log:
            digits = max(FLOAT_DIGITS, digits)
            start, end = np.log(low), np.log(high)
            rounded = [float(f"{value:.{digits}g}") for value in np.exp(start + column * (end - start))]
        else:
            rounded = [round(value, digits) for value in (low + column * (high - low)).tolist()]
        inside = np.clip(rounded, low, high) + 0.0  # not -0.0
        return np.where(column <= 0, low, np.where(column >= 1, high, inside)).tolist()  # type: ignore[no-any-return]

    def neighbours(self, value: Any) -> list[float]:
        """None: the values form a continuum."""
        return []

    def key(self, value: Any) -> Hashable:
        """The number."""
        return value  # type: ignore[no-any-return]

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
        values = tuple(sorted({check_value(self.name, value) for value in self.values}))  # type: ignore[type-var]
        _check_count(self.name, values)
        object.__setattr__(self, "values", values)

    @cached_property
    def _ranks(self) -> dict[Any, int]:
        return {value: rank for rank, value in enumerate(self.values)}

    @property
    def size(self) -> int:
        """Number of values."""
        return len(self.values)

    def contains(self, value: Any) -> bool:
        """Whether the value may be suggested."""
        return is_number(value) and value in self._ranks

    def encode(self, values: Sequence[Any]) -> Array:
        """The centres of the values' cells, `n x 1`."""
        ranks = np.array([self._ranks[value] for value in values], dtype=np.float64)
        return (ranks[:, None] + 0.5) / self.size

    def decode(self, units: Array) -> list[Number]:
        """The values whose cells hold the coordinates, `n x 1`."""
        cells = np.clip(np.floor(units[:, 0] * self.size), 0, self.size - 1).astype(np.int64)
        return [self.values[cell] for cell in cells.tolist()]

    def neighbours(self, value: Any) -> list[Number]:
        """The values of the ranks below and above."""
        rank = self._ranks[value]
        return [*self.values[max(rank - 1, 0) : rank], *self.values[rank + 1 : rank + 2]]

    def key(self, value: Any) -> Hashable:
        """The number."""
        return value  # type: ignore[no-any-return]

    def describe(self) -> str:
        """The range in words."""
        return f"one of {', '.join(map(str, self.values))}"


@dataclass(frozen=True)
class CategoricalParameter:
    """One of some values without an order, of any types: one unit-cube column each (one-hot)."""

    name: str
    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(check_value(self.name, value) for value in self.values))
        _check_count(self.name, self.values)
        if len(self._ranks) < len(self.values):
            raise SpaceError(f"{self.name}: a choice names a value twice; name each once.")

    @cached_property
    def _ranks(self) -> dict[str, int]:
        return {identity(value): rank for rank, value in enumerate(self.values)}

    @property
    def width(self) -> int:
        """One column a value."""
        return len(self.values)

    @property
    def size(self) -> int:
        """Number of values."""
        return len(self.values)

    def contains(self, value: Any) -> bool:
        """Whether the value may be suggested."""
        return identity(value) in self._ranks

    def encode(self, values: Sequence[Any]) -> Array:
        """One for each value's column, zero for the others; `n x width`."""
        return np.eye(self.size)[[self._ranks[identity(value)] for value in values]]

    def decode(self, units: Array) -> list[Value]:
        """The values with the largest coordinates, `n x width`."""
        return [self.values[rank] for rank in units.argmax(axis=1).tolist()]

    def neighbours(self, value: Any) -> list[Value]:
        """All other values."""
        return [other for other in self.values if identity(other) != identity(value)]

    def key(self, value: Any) -> Hashable:
        """A text of the value and its type."""
        return identity(value)

    def describe(self) -> str:
        """The range in words."""
        return f"one of {', '.join(map(format_value, self.values))}"


def _check_count(name: str, values: Sequence[Value]) -> None:
    if not values:
        raise SpaceError(f"{name}: a sweep without a value; give at least two.")
    if len(values) == 1:
        raise SpaceError(
            f"{name}: a sweep needs at least two values; write {name}={format_value(values[0])} to fix it."
        )
