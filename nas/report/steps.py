"""Single steps from a point: what a parameter could be instead, all others as they are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nas.report.formats import short
from nas.space import Parameter, Point, Space, Value

# A range of more values is walked through as a continuum is: in steps of so large a share of it.
MANY = 20
SHARE = 0.1


@dataclass(frozen=True)
class Step:
    """A change of one parameter.

    Attributes:
        name: The parameter.
        before: Its value at the point.
        after: Its value one step away.
        way: 1: up; -1: down; 0: neither, as the values have no order.
    """

    name: str
    before: Value
    after: Value
    way: int

    def taken(self, space: Space, point: Point) -> Point:
        """The point after the step; what thereby begins to count sits at its centre."""
        return space.canonical({**point, self.name: self.after})


def steps_from(space: Space, point: Point) -> list[Step]:
    """All steps of the parameters that count at a point, down before up.

    A step leads to the next value; to any other one of a choice without an order; over a tenth of the range,
    in logarithms if it is logarithmic, where that is continuous or has more than twenty values.
    """
    point = space.canonical(point)
    steps = []
    for parameter in space.parameters:
        if parameter.name in point:
            value = point[parameter.name]
            found = [Step(parameter.name, value, after, way) for way, after in _others(parameter, value)]
            steps += sorted(found, key=lambda step: step.way)
    return steps


def _others(parameter: Parameter, value: Value) -> list[tuple[int, Value]]:
    """The ways and the values one step away."""
    if parameter.width > 1:
        return [(0, other) for other in parameter.neighbours(value)]
    if parameter.size is not None and parameter.size <= MANY:
        others = parameter.neighbours(value)
    else:
        at = parameter.encode([value])[0, 0]
        others = parameter.decode(np.clip([[at - SHARE], [at + SHARE]], 0.0, 1.0))
    return [(1 if other > value else -1, other) for other in others if other != value]  # type: ignore[operator]


def rows_of(steps: Sequence[Step]) -> list[tuple[str, list[int]]]:
    """How steps are shown: `name  1 ← 2 → 3`, or a row for each other choice.

    Args:
        steps: Steps from one point.

    Returns:
        A label and the indices of its steps, for each row.
    """
    rows: dict[tuple[str, Value], list[int]] = {}
    for index, step in enumerate(steps):
        rows.setdefault((step.name, step.before if step.way else step.after), []).append(index)
    return [(_label([steps[i] for i in indices]), indices) for indices in rows.values()]


def _label(steps: Sequence[Step]) -> str:
    down = "".join(f"{_brief(step.after)} ← " for step in steps if step.way < 0)
    up = "".join(f" → {_brief(step.after)}" for step in steps if step.way >= 0)
    return f"{steps[0].name}  {down}{_brief(steps[0].before)}{up}"


def _brief(value: Value) -> str:
    return f"{value:.3g}" if isinstance(value, float) else short(value)
