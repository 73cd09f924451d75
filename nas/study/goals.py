"""What a search is after: metrics to make larger or smaller, and bounds that must be kept."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nas.errors import SettingsError
from nas.space import Array

Metric = int | float | str | bool | None
Metrics = Mapping[str, Metric]

DIRECTIONS = {"maximize": True, "minimize": False}
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_CONSTRAINT = re.compile(
    rf"\s*(?P<metric>\S+?)\s*(?P<sense><=|>=)\s*(?:(?P<bound>{_NUMBER})(?:\s*\*\s*(?P<times>reference))?"
    r"|(?P<alone>reference))\s*"
)


@dataclass(frozen=True)
class Objective:
    """A metric to optimise.

    Attributes:
        metric: Its name among what a trial returns.
        maximise: Whether more is better.
    """

    metric: str
    maximise: bool

    @property
    def direction(self) -> str:
        """`maximize` or `minimize`, as settings spell it."""
        return "maximize" if self.maximise else "minimize"

    @property
    def sign(self) -> float:
        """1 to maximise, -1 to minimise."""
        return 1.0 if self.maximise else -1.0


@dataclass(frozen=True)
class Constraint:
    """A bound that a metric must keep.

    Attributes:
        metric: Its name among what a trial returns.
        bound: The bound, in the metric's unit or, if `relative`, in units of the reference's value.
        at_most: Whether the metric must not exceed the bound, or must not fall below it.
        relative: Whether the bound is a multiple of the reference's value.
    """

    metric: str
    bound: float
    at_most: bool
    relative: bool

    @classmethod
    def parse(cls, text: str) -> "Constraint":
        """Reads `metric <= 3`, `metric >= 0.5` or `metric <= 0.8 * reference`.

        Raises:
            SettingsError: If the text is none of these.
        """
        found = _CONSTRAINT.fullmatch(text)
        if found is None:
            raise SettingsError(
                f"the constraint '{text}' is not understood; write 'metric <= NUMBER', 'metric >= NUMBER' or "
                f"'metric <= NUMBER * reference'."
            )
        bound = 1.0 if found["alone"] else float(found["bound"])
        return cls(found["metric"], bound, found["sense"] == "<=", bool(found["times"] or found["alone"]))

    def __str__(self) -> str:
        """The constraint as `parse` reads it."""
        reference = " * reference" if self.relative else ""
        return f"{self.metric} {'<=' if self.at_most else '>='} {self.bound:g}{reference}"

    def limit(self, reference: Metrics | None) -> float | None:
        """The bound in the metric's unit; None as long as the reference that it is relative to is not known.

        Args:
            reference: The reference's metrics; None: there are none yet.
        """
        if not self.relative:
            return self.bound
        value = None if reference is None else reference.get(self.metric)
        return self.bound * float(value) if is_finite(value) else None  # type: ignore[arg-type]


@dataclass(frozen=True)
class Goals:
    """The objectives, and the constraints under which they count.

    Attributes:
        objectives: At least one, all of different metrics.
        constraints: Any number.
    """

    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...] = ()

    def __post_init__(self) -> None:
        if not self.objectives:
            raise SettingsError("a search needs at least one objective, such as {accuracy: maximize}.")

    @classmethod
    def of(cls, objectives: Mapping[str, str], constraints: Iterable[str] = ()) -> "Goals":
        """Reads goals as settings write them.

        Args:
            objectives: Metric to `maximize` or `minimize`.
            constraints: See `Constraint.parse`.

        Raises:
            SettingsError: If one of them is not understood.
        """
        for metric, direction in objectives.items():
            if direction not in DIRECTIONS:
                raise SettingsError(
                    f"objective {metric}: '{direction}' is no direction; use maximize or minimize."
                )
        return cls(
            tuple(Objective(metric, DIRECTIONS[direction]) for metric, direction in objectives.items()),
            tuple(Constraint.parse(text) for text in constraints),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The objectives' metrics."""
        return tuple(objective.metric for objective in self.objectives)

    @property
    def metrics(self) -> tuple[str, ...]:
        """All metrics that a trial must have, without repetition."""
        return tuple(dict.fromkeys([*self.names, *(constraint.metric for constraint in self.constraints)]))

    @property
    def signs(self) -> Array:
        """`m`: 1 for an objective to maximise, -1 for one to minimise."""
        return np.array([objective.sign for objective in self.objectives])

    @property
    def needs_reference(self) -> bool:
        """Whether a constraint is relative to the reference."""
        return any(constraint.relative for constraint in self.constraints)

    def values(self, metrics: Metrics) -> tuple[float, ...]:
        """The objectives, in their own units and directions; all must be finite."""
        return tuple(float(metrics[name] or 0) for name in self.names)

    def refusal(self, metrics: Metrics) -> str | None:
        """Why metrics are no result, in one sentence; None if they are one."""
        for name in self.metrics:
            if name not in metrics:
                known = ", ".join(metrics) or "nothing"
                return f"the metric {name} is missing; the job returned {known}."
            if not is_finite(metrics[name]):
                return f"the metric {name} is {metrics[name]}, not a finite number."
        return None

    def matrix(self, values: Sequence[Sequence[float]], units: Array) -> Array:
        """Objectives of n trials as `n x m`, in units and all to be maximised.

        Args:
            values: n times m objectives, in their own units and directions.
            units: `m`, one positive unit an objective.
        """
        own = np.asarray(values, dtype=np.float64).reshape(len(values), len(self.objectives))
        return own / units * self.signs

    def slacks(self, metrics: Sequence[Metrics], reference: Metrics | None) -> Array:
        """How far n trials stay within the constraints, `n x c`; negative where one is broken.

        Each slack is in units of its bound where that is not zero. A bound whose reference is not known yet
        is kept by all.

        Args:
            metrics: Of the trials.
            reference: The reference's metrics; None: there are none yet.
        """
        columns = []
        for constraint in self.constraints:
            limit = constraint.limit(reference)
            if limit is None:
                columns.append(np.ones(len(metrics)))
                continue
            found = np.array([float(one[constraint.metric] or 0) for one in metrics])
            slack = limit - found if constraint.at_most else found - limit
            columns.append(slack / (abs(limit) or 1.0))
        return np.stack(columns, axis=1) if columns else np.zeros((len(metrics), 0))

    def describe(self) -> dict[str, Any]:
        """JSON-able; the order of the objectives counts, so they are a list."""
        return {
            "objectives": [[one.metric, one.direction] for one in self.objectives],
            "constraints": [str(constraint) for constraint in self.constraints],
        }

    @classmethod
    def read(cls, description: Mapping[str, Any]) -> "Goals":
        """The goals that `describe` described."""
        return cls.of(dict(description["objectives"]), description.get("constraints", ()))


def is_finite(value: object) -> bool:
    """Whether a metric can serve as an objective: a finite number, and no boolean."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond what a float holds
        return False
