"""Single points in the unit cube, checked: by look-ups, since NumPy's calls cost more than a prediction."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from nas.benchmark.nlu24.data import BenchmarkError
from nas.space import Array, FloatParameter, IntegerParameter, OrderedParameter, Parameter, Space

# Ranges of more values are encoded by the space itself.
_LARGEST = 2**16
# They equal 0 and 1, but are no numbers.
_BOOLEANS = frozenset((bool, np.bool_))


class Encoder:
    """Checks points and places them in the unit cube.

    Args:
        space: Their space.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._known = {*space.names, *space.fixed}
        tables = [_table(parameter) for parameter in space.parameters]
        known = [table for table in tables if table is not None]
        simple = len(known) == len(tables) and not space.conditions and not space.fixed
        self._tables = known if simple else None

    def __call__(self, point: Mapping[str, Any]) -> Array:
        """The point's place, `1 x d`.

        Raises:
            BenchmarkError: If the space does not contain it; the message names the value.
        """
        if self._tables is None or len(point) != len(self._tables):
            self._check(point)
            return self._space.encode([point])
        try:
            units = [
                table[point[name]] if isinstance(table, dict) else _place(table, point[name])
                for name, table in zip(self._space.names, self._tables, strict=True)
            ]
        except (KeyError, TypeError, ValueError):
            self._check(point)
            raise
        if any(type(value) in _BOOLEANS for value in point.values()):
            self._check(point)
        return np.array([units])

    def many(self, points: list[Mapping[str, Any]]) -> Array:
        """The places of n points, `n x d`.

        Raises:
            BenchmarkError: If the space does not contain one of them.
        """
        return np.vstack([np.empty((0, self._space.dimension)), *map(self, points)])

    def _check(self, point: Mapping[str, Any]) -> None:
        if unknown := [name for name in point if name not in self._known]:
            raise BenchmarkError(f"{unknown[0]} is no parameter of NLU24; leave it out.")
        for parameter in self._space.parameters:
            name = parameter.name
            if name not in point:
                if self._space.is_active(name, point):
                    raise BenchmarkError(f"the point has no {name}; it must be {parameter.describe()}.")
            elif not parameter.contains(point[name]):
                raise BenchmarkError(
                    f"{name}={point[name]} is outside of NLU24: it must be {parameter.describe()}."
                )
        for name, value in self._space.fixed.items():
            if point.get(name, value) != value:
                raise BenchmarkError(f"{name}={point[name]} is outside of NLU24: it must be {value}.")


def _table(parameter: Parameter) -> dict[Any, float] | FloatParameter | None:
    """A parameter's values with their coordinates; a continuous one itself; None for all others."""
    if isinstance(parameter, FloatParameter):
        return parameter
    if isinstance(parameter, IntegerParameter) and parameter.size <= _LARGEST:
        values = range(parameter.low, parameter.high + 1, parameter.step)
        return dict(zip(values, parameter.encode(values)[:, 0].tolist(), strict=True))
    if isinstance(parameter, OrderedParameter):
        return dict(zip(parameter.values, parameter.encode(parameter.values)[:, 0].tolist(), strict=True))
    return None


def _place(parameter: FloatParameter, value: float) -> float:
    """See `FloatParameter.encode`.

    Raises:
        ValueError: If it is outside of the range.
    """
    low, high = parameter.low, parameter.high
    if not low <= value <= high:
        raise ValueError
    if parameter.log:
        start, end = math.log(low), math.log(high)
        return min(max((math.log(value) - start) / (end - start), 0.0), 1.0)
    return (value - low) / (high - low)
