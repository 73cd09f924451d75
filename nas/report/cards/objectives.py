"""All completed trials in the objectives."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from nas.confirmed import Confirmed, confirmed
from nas.report.card import Card
from nas.report.drawing import (
    axis_label,
    draw_best,
    draw_confirmed,
    draw_front,
    draw_reference,
    draw_rings,
    draw_trials,
    in_view,
    legend_above,
    note_hidden,
    own_values,
)
from nas.report.numbers import front_trials
from nas.report.style import empty_figure, new_figure
from nas.study import History, Study, Trial


def card(study: Study) -> Card:
    """Objectives against each other; a single one over the trials."""
    history = study.history
    counts = f"{len(history.completed)} completed trials, {len(front_trials(history))} on the front"
    caption = f"Objectives of {counts}."
    again = confirmed(study)
    return Card("objectives", "Objectives", caption, draw=lambda: _draw(history, again))


def _draw(history: History, again: Mapping[int, Confirmed]) -> Figure:
    if not history.completed:
        return empty_figure(nothing(history))
    trials = in_view(history)
    shown = {trial.number for trial in trials}
    again = {number: one for number, one in again.items() if number in shown}
    return (_over_trials if len(history.goals.names) == 1 else _pairs)(history, trials, again)


def nothing(history: History) -> str:
    """Why there is nothing to draw before the first trial has completed."""
    return f"No trial has completed: {len(history.failed)} failed, {len(history.pending)} open."


def _over_trials(history: History, trials: Sequence[Trial], again: Mapping[int, Confirmed]) -> Figure:
    figure, ((axes,),) = new_figure()
    numbers = np.array([trial.number for trial in trials], dtype=np.float64)
    values = own_values(history, trials)[:, 0]
    draw_trials(axes, trials, history.feasible(trials), numbers, values)
    note_hidden(axes, len(history.completed) - len(trials))
    draw_best(axes, history)
    draw_reference(axes, history, None, 0)
    draw_confirmed(axes, history, again, None, 0)
    axes.set_xlabel("trial")
    axes.set_ylabel(axis_label(history, 0))
    legend_above(figure, [axes])
    return figure


def _pairs(history: History, trials: Sequence[Trial], again: Mapping[int, Confirmed]) -> Figure:
    """One panel a pair of objectives; for two that is one panel."""
    count = len(history.goals.names)
    size = count - 1
    sides = (5.0, 3.8) if size == 1 else (2.6 * size + 0.6, 2.3 * size + 0.6)
    figure, panels = new_figure(size, size, width=sides[0], height=sides[1], share="grid")
    values, kept = own_values(history, trials), history.feasible(trials)
    drawn = []
    for row, line in enumerate(panels):
        for column, axes in enumerate(line):
            x, y = count - 1 - column, row
            if x <= y:
                axes.remove()
                continue
            drawn.append(axes)
            draw_trials(axes, trials, kept, values[:, x], values[:, y])
            note_hidden(axes, len(history.completed) - len(trials))
            if count == 2:
                draw_front(axes, history.values(history.candidates), history.goals.signs)
            else:
                draw_rings(axes, history, trials, x, y)
            draw_reference(axes, history, x, y)
            draw_confirmed(axes, history, again, x, y)
            if x == y + 1:
                axes.set_xlabel(axis_label(history, x))
                axes.tick_params(labelbottom=True)
            if column == 0:
                axes.set_ylabel(axis_label(history, y))
    legend_above(figure, drawn)
    return figure
