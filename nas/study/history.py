"""What a search knows: all that a strategy may see, and all that figures are drawn from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from nas.errors import StudyError
from nas.pareto import front
from nas.space import Array, Space
from nas.study.goals import Goals
from nas.study.trials import REFERENCE, Trial, TrialState

# Without a reference, the reference point lies this share of the observed range below all trials.
NADIR_MARGIN = 0.1


@dataclass(frozen=True)
class History:
    """The trials of a search at one moment; a value, with no store behind it.

    Attributes:
        space: The search space.
        goals: The objectives and constraints.
        trials: All proposed trials, by number; repetitions are not among them, and leave gaps in the numbers.
        fixed_reference: `m`, a reference point in the objectives' own units and directions for a problem that
            comes with one; None: the reference model, or else a point below all trials.
        state: What the strategy left in its last suggestion; None at first.
    """

    space: Space
    goals: Goals
    trials: tuple[Trial, ...] = ()
    fixed_reference: tuple[float, ...] | None = None
    state: Any = None
    # Keys of points to the place of their first trial. Shared with later histories, which only add to it.
    index: dict[Any, int] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.trials)

    def of(self, *states: TrialState) -> list[Trial]:
        """The trials in any of the states."""
        return [trial for trial in self.trials if trial.state in states]

    @cached_property
    def completed(self) -> list[Trial]:
        """The trials that have a result."""
        return self.of(TrialState.COMPLETED)

    @cached_property
    def failed(self) -> list[Trial]:
        """The trials without a result: their job failed, or they could not be measured."""
        return self.of(TrialState.FAILED, TrialState.UNMEASURED)

    @cached_property
    def pending(self) -> list[Trial]:
        """The trials whose result is awaited."""
        return self.of(TrialState.RUNNING, TrialState.TRAINED)

    def knows(self, key: object) -> bool:
        """Whether a trial has the point of that key (see `Space.key`)."""
        return self.index.get(key, len(self.trials)) < len(self.trials)

    @property
    def keys(self) -> set[Any]:
        """The keys of all trials' points."""
        return {key for key in self.index if self.knows(key)}

    @cached_property
    def reference_trial(self) -> Trial | None:
        """The reference model's trial, in whatever state; None if there is none."""
        return next((trial for trial in self.trials if trial.origin == REFERENCE), None)

    @cached_property
    def _reference_result(self) -> Trial | None:
        trial = self.reference_trial
        return trial if trial is not None and trial.state is TrialState.COMPLETED else None

    @property
    def has_reference(self) -> bool:
        """Whether there is something to beat: a reference model that has completed, or a fixed point."""
        return self._reference_result is not None or self.fixed_reference is not None

    @cached_property
    def units(self) -> Array:
        """`m`: the reference model's objectives where they are positive, 1 elsewhere."""
        if self._reference_result is None:
            return np.ones(len(self.goals.objectives))
        values = np.asarray(self._reference_result.values, dtype=np.float64)
        return np.where(values > 0, values, 1.0)

    def values(self, trials: Sequence[Trial]) -> Array:
        """The objectives of completed trials, `n x m`, in `units` and all to be maximised."""
        return self.goals.matrix([trial.values or () for trial in trials], self.units)

    def slacks(self, trials: Sequence[Trial]) -> Array:
        """How far completed trials stay within the constraints, `n x c`; see `Goals.slacks`."""
        return self.goals.slacks([trial.metrics for trial in trials], self.metrics_of_reference())

    def feasible(self, trials: Sequence[Trial]) -> npt.NDArray[np.bool_]:
        """Which of n completed trials keep all constraints, `n` booleans."""
        return np.asarray((self.slacks(trials) >= 0).all(axis=1))

    @cached_property
    def candidates(self) -> list[Trial]:
        """The completed trials that keep all constraints."""
        return [
            trial for trial, kept in zip(self.completed, self.feasible(self.completed), strict=True) if kept
        ]

    @cached_property
    def front(self) -> list[Trial]:
        """The candidates that no other one dominates, sorted by the first objective."""
        best = [
            t for t, kept in zip(self.candidates, front(self.values(self.candidates)), strict=True) if kept
        ]
        return sorted(best, key=lambda trial: trial.values or ())

    @cached_property
    def reference(self) -> Array:
        """The reference point, `m`, on the scale of `values`.

        The reference model or the fixed point; without either, a point just below all completed trials.

        Raises:
            StudyError: If no trial has completed.
        """
        fixed = self.fixed_reference
        if fixed is None and self._reference_result is not None:
            fixed = self._reference_result.values
        if fixed is not None:
            return np.asarray(self.goals.matrix([fixed], self.units)[0])
        if not self.completed:
            raise StudyError("no trial has completed yet, so there is no reference point.")
        values = self.values(self.completed)
        nadir, reach = values.min(axis=0), np.ptp(values, axis=0)
        # Where all are equal any distance will do that is one: a share of the value, whatever its unit.
        reach = np.where(reach > 0, reach, np.where(nadir != 0, np.abs(nadir), 1.0))
        return np.asarray(nadir - NADIR_MARGIN * reach, dtype=np.float64)

    def metrics_of_reference(self) -> Mapping[str, Any] | None:
        """The reference model's metrics; None as long as there are none."""
        return None if self._reference_result is None else self._reference_result.metrics
