"""How the search got better from trial to trial."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nas.pareto import better_than, hypervolume_trace
from nas.report.card import Card
from nas.report.cards.objectives import nothing
from nas.report.drawing import axis_label, draw_best, draw_reference, legend_above
from nas.report.formats import short
from nas.report.numbers import is_ratio, point_below
from nas.report.style import empty_figure, new_figure
from nas.study import REFERENCE, History, Study
from paretoparse.figures import BLUE, DARK, GREY

_MAX_ROUNDS = 12
_ABOVE_WORST = "hypervolume above\nthe worst values"


def card(study: Study) -> Card:
    """The hypervolume after each completed trial; the best value so far of a single objective."""
    history = study.history
    caption = "Trials that break a constraint do not count."
    title = "Hypervolume" if len(history.goals.names) > 1 else "Best value"
    caption = f"{title} after each trial." + (f" {caption}" if history.goals.constraints else "")
    return Card("hypervolume", title, caption, draw=lambda: _draw(history))


def _draw(history: History) -> Figure:
    if not history.completed:
        return empty_figure(nothing(history))
    if not history.candidates:
        return empty_figure(f"None of the {len(history.completed)} completed trials keeps all constraints.")
    figure, ((axes,),) = new_figure(height=3.2)
    if len(history.goals.names) == 1:
        draw_best(axes, history, color=BLUE)
        draw_reference(axes, history, None, 0)
        axes.set_ylabel(f"best {axis_label(history, 0)}")
    else:
        _draw_volume(axes, history)
    _mark_rounds(axes, history)
    axes.set_xlabel("trial")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend_above(figure, [axes])
    return figure


def _draw_volume(axes: Axes, history: History) -> None:
    trials = history.completed
    values, reference = history.values(trials), history.reference
    kept = history.feasible(trials)
    label = "hypervolume (higher is better)"
    if history.has_reference and not better_than(values[kept], reference).any():
        # A flat line at 0 would hide all progress, and so would the reference where nothing is better.
        kept &= np.array([trial.origin != REFERENCE for trial in trials])
        axes.set_title(_closest(history), fontsize=9, color=DARK)
        reference = point_below(history, history.trials) / history.units
        label = _ABOVE_WORST
    elif not history.has_reference:
        label = _ABOVE_WORST
    values[~kept] = reference  # adds nothing
    trace = hypervolume_trace(values, reference)
    numbers = [trial.number for trial in trials]
    axes.step(numbers, trace, where="post", color=BLUE, linewidth=1.6)
    axes.plot(numbers[-1], trace[-1], "o", color=BLUE, markersize=3)
    axes.set_ylabel(label)
    axes.set_ylim(bottom=0)


def _closest(history: History) -> str:
    """How far the result that comes closest to the reference's falls short of it."""
    trials = [trial for trial in history.candidates if trial.origin != REFERENCE]
    text = "No result is better than the reference's in every objective yet"
    if not trials:
        return f"{text}."
    short_by = history.reference - history.values(trials)
    closest = int(short_by.max(axis=1).argmin())
    worst = int(short_by[closest].argmax())
    shortfall = max(float(short_by[closest, worst]), 0.0)
    amount = f"{100 * shortfall:.2g} %" if is_ratio(history, worst) else short(shortfall)
    name = history.goals.names[worst].replace("_", " ")
    return f"{text}.\nThe closest, trial {trials[closest].number}, falls short by {amount} in {name}."


def _mark_rounds(axes: Axes, history: History) -> None:
    """Marks where rounds of proposals start; of very many, only the end of the initial one."""
    pairs = zip(history.trials[:-1], history.trials[1:], strict=True)
    starts = [after.number for before, after in pairs if after.round != before.round]
    text = "start of a round"
    if len(starts) > _MAX_ROUNDS:
        starts, text = starts[:1], "end of the initial round"
    for index, start in enumerate(starts):
        axes.axvline(
            start - 0.5, color=GREY, linewidth=0.7, linestyle="--", label=None if index else text, zorder=1
        )
