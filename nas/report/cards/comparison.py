"""Searches side by side, such as Sobol beside Bayesian optimisation."""

import math
from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nas.report.card import Card, Rows
from nas.report.drawing import axis_label, draw_front, draw_reference, in_view, legend_above, note_hidden
from nas.report.formats import short
from nas.report.numbers import front_trials, summarise
from nas.report.sides import Side, sides, sides_caption
from nas.report.style import new_figure
from nas.study import Study
from paretoparse.figures import CYCLE, LINES

_COLUMNS = 3


def compare(studies: Mapping[str, Study]) -> Card:
    """Searches with the same objectives, each in units of its own reference.

    Where one has no reference, all are taken in the objectives' own units, above a point below all of them.

    Raises:
        ReportError: If their objectives differ, or if one has no completed trial.
    """
    found = sides(studies)
    referred = any(study.history.has_reference for study in studies.values())
    heads: tuple[str, ...] = ("search", "completed", "failed", "front", "hypervolume", "seconds")
    cells = []
    for side, study in zip(found, studies.values(), strict=True):
        summary = summarise(study)
        better = [summary["trials_better_than_reference"]] if referred else []
        counts = (summary["trials_completed"], summary["trials_failed"], len(front_trials(side.history)))
        cells.append((side.title, *counts, side.volume, summary["seconds"], *better))
    if referred:
        heads += ("results better than the reference's",)
    draw = _planes if len(found[0].reference) == 2 else _curves
    title, caption = "Searches side by side", sides_caption(found[0])
    return Card("comparison", title, caption, Rows(heads, cells), lambda: draw(found))


def _planes(found: Sequence[Side]) -> Figure:
    """Two objectives: a panel a search, later trials darker."""
    # As few rows as hold all, and these as full as can be: four are two by two.
    rows = math.ceil(len(found) / _COLUMNS)
    columns = math.ceil(len(found) / rows)
    figure, grid = new_figure(rows, columns, width=3.6 * columns + 1.2, height=3.4 * rows + 0.4, share="all")
    panels = [axes for line in grid for axes in line]
    last = max(len(side.history) for side in found) - 1
    hidden = 0
    for axes, side in zip(panels, found, strict=False):
        signs = side.history.goals.signs
        shown = np.isin(side.numbers, [trial.number for trial in in_view(side.history)])
        hidden += int((~shown).sum())
        own, numbers = (side.values * signs)[shown], np.array(side.numbers)[shown]
        dots = axes.scatter(
            own[:, 1],
            own[:, 0],
            c=numbers,
            s=24 if len(numbers) <= 60 else 16,
            cmap="viridis_r",
            vmin=0,
            vmax=max(last, 1),
            edgecolors="white",
            linewidths=0.3,
            zorder=3,
        )
        draw_front(axes, side.values, signs)
        if not side.own_unit:
            draw_reference(axes, side.history, 1, 0)
        axes.set_title(fill(f"{side.title}: hypervolume {short(side.volume)}", 44), fontsize=9)
        axes.set_xlabel(axis_label(side.history, 1, own_unit=side.own_unit))
        axes.tick_params(labelbottom=True)
    for line in grid:
        line[0].set_ylabel(axis_label(found[0].history, 0, own_unit=found[0].own_unit))
    for axes in panels[len(found) :]:
        axes.remove()
    note_hidden(panels[0], hidden)
    figure.colorbar(dots, ax=panels[: len(found)], label="trial", pad=0.01, ticks=MaxNLocator(integer=True))
    legend_above(figure, panels[: len(found)])
    return figure


def _curves(found: Sequence[Side]) -> Figure:
    """One objective: the best value so far; three and more: the hypervolume. A line a search."""
    figure, ((axes,),) = new_figure()
    for index, side in enumerate(found):
        label = fill(side.title, 40)
        (line,) = axes.step(side.numbers, side.progress(), where="post", label=label, linewidth=1.6)
        line.set(color=CYCLE[index % len(CYCLE)], linestyle=LINES[index % len(LINES)])
    axes.set_ylabel(found[0].progress_label)
    axes.set_xlabel("trial")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend_above(figure, [axes])
    return figure
