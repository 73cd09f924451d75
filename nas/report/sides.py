"""Searches that are compared: the same objectives, on one scale, and how far each has come."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nas.errors import ReportError
from nas.pareto import hypervolume, hypervolume_trace
from nas.report.drawing import axis_label
from nas.report.numbers import point_below
from nas.space import Array
from nas.study import History, Study


@dataclass(frozen=True)
class Side:
    """One of the searches.

    Attributes:
        title: Its name.
        history: What it knows.
        values: `n x m` objectives of the trials that keep all constraints, to be maximised.
        reference: `m`, the reference point beside them.
        own_unit: Whether they are in the objectives' own units instead of the reference's.
    """

    title: str
    history: History
    values: Array
    reference: Array
    own_unit: bool

    @property
    def numbers(self) -> list[int]:
        """The trials' numbers."""
        return [trial.number for trial in self.history.candidates]

    @property
    def volume(self) -> float:
        """The hypervolume; for a single objective, how far the best value lies above the reference."""
        return hypervolume(self.values, self.reference)

    @property
    def single(self) -> bool:
        """Whether there is a single objective, which has no hypervolume to speak of."""
        return len(self.reference) == 1

    @property
    def progress_label(self) -> str:
        """What `progress` is, as an axis says it."""
        if self.single:
            return f"best {axis_label(self.history, 0, own_unit=self.own_unit)}"
        return "hypervolume (higher is better)"

    def progress(self, order: npt.NDArray[np.intp] | None = None) -> Array:
        """How far the search has come after each of the n trials.

        Args:
            order: `n`, their places in the order in which results came; None: that of their numbers.

        Returns:
            `n`: the hypervolume; of a single objective the best value so far, in its own direction.
        """
        values = self.values if order is None else self.values[order]
        if self.single:
            return np.asarray(np.maximum.accumulate(values[:, 0]) * self.history.goals.signs[0])
        return hypervolume_trace(values, self.reference)


def sides(studies: Mapping[str, Study]) -> list[Side]:
    """Searches with the same objectives, each in units of its own reference.

    Where one has no reference, all are taken in the objectives' own units, above a point below all of them.

    Args:
        studies: Title to study, at least one.

    Raises:
        ReportError: If their objectives differ, or if one has no completed trial.
    """
    first = next(iter(studies.values()))
    for title, study in studies.items():
        if study.goals.objectives != first.goals.objectives:
            raise ReportError(f"{title} has other objectives than the first search; compare alike ones.")
        if not study.history.completed:
            raise ReportError(f"{title} has no completed trial, so there is nothing to compare.")
    histories = {title: study.history for title, study in studies.items()}
    if all(history.has_reference for history in histories.values()):
        return [
            Side(title, history, history.values(history.candidates), history.reference, False)
            for title, history in histories.items()
        ]
    below = point_below(
        first.history, [trial for history in histories.values() for trial in history.completed]
    )
    unit = np.ones(len(first.goals.names))
    return [
        Side(
            title,
            history,
            history.goals.matrix([trial.values or () for trial in history.candidates], unit),
            below,
            True,
        )
        for title, history in histories.items()
    ]


def sides_caption(found: Side) -> str:
    """What hypervolumes are measured from."""
    if found.own_unit:
        return "As not all have a reference, hypervolumes are those above one point just below all trials."
    return "Each search is in units of its own reference, and its hypervolume is that above it."


def strategy_of(study: Study) -> str:
    """The name of a study's strategy: by its definition, or else by what proposed its last trial."""
    definition = getattr(study, "definition", {})  # only a stored study has one
    settings = (definition.get("settings") or {}).get("strategy") or {}
    return str(settings.get("name") or study.history.trials[-1].origin)
