"""Searches side by side, such as Sobol beside Bayesian optimisation."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nas.errors import ReportError
from nas.pareto import hypervolume, hypervolume_trace
from nas.report.card import Card, Rows
from nas.report.drawing import axis_label, draw_front, draw_reference, in_view, legend_above, note_hidden
from nas.report.formats import short
from nas.report.numbers import front_trials, point_below, summarise
from nas.report.style import new_figure
from nas.space import Array
from nas.study import History, Study
from paretoparse.figures import CYCLE, LINES

_COLUMNS = 3


@dataclass(frozen=True)
class _Side:
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


def compare(studies: Mapping[str, Study]) -> Card:
    """Searches with the same objectives, each in units of its own reference.

    Where one has no reference, all are taken in the objectives' own units, above a point below all of them.

    Raises:
        ReportError: If their objectives differ, or if one has no completed trial.
    """
    first = next(iter(studies.values()))
    for title, study in studies.items():
        if study.goals.objectives != first.goals.objectives:
            raise ReportError(f"{title} has other objectives than the first search; compare alike ones.")
        if not study.history.completed:
            raise ReportError(f"{title} has no completed trial, so there is nothing to compare.")
    sides = _sides({title: study.history for title, study in studies.items()})
    referred = any(study.history.has_reference for study in studies.values())
    heads: tuple[str, ...] = ("search", "completed", "failed", "front", "hypervolume", "seconds")
    cells = []
    for side, study in zip(sides, studies.values(), strict=True):
        found = summarise(study)
        better = [found["trials_better_than_reference"]] if referred else []
        counts = (found["trials_completed"], found["trials_failed"], len(front_trials(side.history)))
        cells.append((side.title, *counts, side.volume, found["seconds"], *better))
    if referred:
        heads += ("results better than the reference's",)
    if sides[0].own_unit:
        caption = "As not all have a reference, hypervolumes are those above one point just below all trials."
    else:
        caption = "Each search is in units of its own reference, and its hypervolume is that above it."
    draw = _planes if len(first.goals.names) == 2 else _curves
    return Card("comparison", "Searches side by side", caption, Rows(heads, cells), lambda: draw(sides))


def _sides(histories: Mapping[str, History]) -> list[_Side]:
    if all(history.has_reference for history in histories.values()):
        return [
            _Side(title, history, history.values(history.candidates), history.reference, False)
            for title, history in histories.items()
        ]
    first = next(iter(histories.values()))
    below = point_below(first, [trial for history in histories.values() for trial in history.completed])
    unit = np.ones(len(first.goals.names))
    return [
        _Side(
            title,
            history,
            history.goals.matrix([trial.values or () for trial in history.candidates], unit),
            below,
            True,
        )
        for title, history in histories.items()
    ]


def _planes(sides: Sequence[_Side]) -> Figure:
    """Two objectives: a panel a search, later trials darker."""
    columns = min(_COLUMNS, len(sides))
    rows = math.ceil(len(sides) / columns)
    figure, grid = new_figure(rows, columns, width=3.6 * columns + 1.2, height=3.4 * rows + 0.4, share="all")
    panels = [axes for line in grid for axes in line]
    last = max(len(side.history) for side in sides) - 1
    hidden = 0
    for axes, side in zip(panels, sides, strict=False):
        signs = side.history.goals.signs
        shown = np.isin(side.numbers, [trial.number for trial in in_view(side.history)])
        hidden += int((~shown).sum())
        own, numbers = (side.values * signs)[shown], np.array(side.numbers)[shown]
        dots = axes.scatter(
            own[:, 1], own[:, 0], c=numbers, s=24, cmap="viridis_r", vmin=0, vmax=max(last, 1), zorder=3
        )
        draw_front(axes, side.values, signs)
        if not side.own_unit:
            draw_reference(axes, side.history, 1, 0)
        axes.set_title(fill(f"{side.title}: hypervolume {short(side.volume)}", 44), fontsize=9)
        axes.set_xlabel(axis_label(side.history, 1, own_unit=side.own_unit))
        axes.tick_params(labelbottom=True)
    for line in grid:
        line[0].set_ylabel(axis_label(sides[0].history, 0, own_unit=sides[0].own_unit))
    for axes in panels[len(sides) :]:
        axes.remove()
    note_hidden(panels[0], hidden)
    figure.colorbar(dots, ax=panels[: len(sides)], label="trial", pad=0.01, ticks=MaxNLocator(integer=True))
    legend_above(figure, panels[: len(sides)])
    return figure


def _curves(sides: Sequence[_Side]) -> Figure:
    """One objective: the best value so far; three and more: the hypervolume. A line a search."""
    figure, ((axes,),) = new_figure()
    single = len(sides[0].reference) == 1
    for index, side in enumerate(sides):
        if single:
            curve = np.maximum.accumulate(side.values[:, 0]) * side.history.goals.signs[0]
        else:
            curve = hypervolume_trace(side.values, side.reference)
        (line,) = axes.step(side.numbers, curve, where="post", label=fill(side.title, 40), linewidth=1.6)
        line.set(color=CYCLE[index % len(CYCLE)], linestyle=LINES[index % len(LINES)])
    label = axis_label(sides[0].history, 0, own_unit=sides[0].own_unit)
    axes.set_ylabel(f"best {label}" if single else "hypervolume (higher is better)")
    axes.set_xlabel("trial")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend_above(figure, [axes])
    return figure
