"""What figures of objectives share: trials by origin, the front, the reference, the axes' names."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nas.confirmed import Confirmed
from nas.pareto import front
from nas.report.numbers import front_trials, is_ratio
from nas.report.style import marks
from nas.space import Array
from nas.study import REFERENCE, History, Trial
from paretoparse.figures import DARK, VERMILION, add_legend

# A trial farther below an objective's lower quartile than so many interquartile ranges is not drawn: Tukey's
# outer fence, so that these ranges take a fifth of the picture at least.
FENCE = 3.0


def own_values(history: History, trials: Sequence[Trial]) -> Array:
    """Objectives of completed trials, `n x m`, in units of the reference but in their own directions."""
    return np.asarray(history.values(trials) * history.goals.signs)


def axis_label(history: History, index: int, *, own_unit: bool = False) -> str:
    """An objective's name and direction, on two lines; as a ratio where it is one, unless in its own unit."""
    objective = history.goals.objectives[index]
    ratio = is_ratio(history, index) and not own_unit
    name = objective.metric.replace("_", " ") + (" / reference" if ratio else "")
    return f"{name}\n({'higher' if objective.maximise else 'lower'} is better)"


def in_view(history: History) -> list[Trial]:
    """The completed trials without those that are so much worse that all others would be one dot.

    What is no worse than the reference in an objective is never left out for it, nor is the reference. The
    front is no exception: a fast model that is useless belongs to it.
    """
    trials = history.completed
    values = history.values(trials)
    low, high = np.quantile(values, (0.25, 0.75), axis=0)
    fence: Array = np.where(high > low, low - FENCE * (high - low), -np.inf)
    if history.has_reference:
        fence = np.minimum(fence, history.reference)
    near: npt.NDArray[np.bool_] = np.all(values >= fence, axis=1)
    return [trial for trial, shown in zip(trials, near, strict=True) if shown or trial.origin == REFERENCE]


def note_hidden(axes: Axes, count: int) -> None:
    """Says in the legend how many trials are not drawn."""
    if count:
        axes.scatter([], [], marker="none", label=f"{count} far worse, not shown")


def draw_trials(axes: Axes, trials: Sequence[Trial], kept: npt.NDArray[np.bool_], x: Array, y: Array) -> None:
    """Draws completed trials, each origin by its mark; hollow where a constraint is broken.

    Args:
        axes: Where.
        trials: n trials.
        kept: `n`, which of them keep all constraints.
        x: `n` positions.
        y: `n` positions.
    """
    size = 26 if len(trials) <= 60 else 16
    origins = np.array([trial.origin for trial in trials])
    hollow = False
    for origin, mark in marks([trial.origin for trial in trials]).items():
        if origin == REFERENCE:
            continue
        for mask in (origins == origin) & kept, (origins == origin) & ~kept:
            if not mask.any():
                continue
            filled = bool(kept[mask][0])
            axes.scatter(
                x[mask],
                y[mask],
                s=size,
                marker=mark.marker,
                facecolors=mark.color if filled else "none",
                edgecolors="white" if filled else mark.color,
                linewidths=0.5 if filled else 1.0,
                label=mark.label if filled else None,
                zorder=3,
            )
            hollow |= not filled
    if hollow:
        axes.scatter(
            [], [], s=size, facecolors="none", edgecolors=DARK, label="breaks a constraint", marker="o"
        )


def draw_front(axes: Axes, values: Array, signs: Array) -> None:
    """Draws the front of two objectives as the staircase that bounds what is dominated.

    The frame is that of what else is drawn; the staircase runs out of it where the front goes on.

    Args:
        axes: Where; the first objective upwards, the second to the right.
        values: `n x 2`, to be maximised.
        signs: `2`, as of `Goals.signs`.
    """
    if not len(values):
        return
    best = values[front(values)] * signs
    best = best[np.argsort(best[:, 1])]
    line = Line2D(
        best[:, 1],
        best[:, 0],
        drawstyle="steps-post" if signs[1] < 0 else "steps-pre",
        color=VERMILION,
        linewidth=1.3,
        marker="." if len(best) == 1 else None,
        label="Pareto front",
        zorder=3.5,  # above a crowd of dots, below the reference
    )
    axes.add_artist(line)  # unlike Axes.step, leaves the frame as it is


def draw_reference(axes: Axes, history: History, x: int | None, y: int) -> None:
    """Draws the reference, if there is one: lines through it and, in a plane of objectives, a star.

    Args:
        axes: Where.
        history: The search.
        x: Index of the objective to the right; None if that is no objective.
        y: Index of the objective upwards.
    """
    if not history.has_reference:
        return
    point = history.reference * history.goals.signs
    look: dict[str, Any] = {"color": DARK, "linewidth": 0.8, "linestyle": ":", "zorder": 1}
    model = history.fixed_reference is None
    label = "Reference model" if model else "Reference point"
    if x is None:
        axes.axhline(point[y], label=label, **look)
        return
    if model and len(point) == 2 and is_ratio(history, x) and is_ratio(history, y):
        label += " (1, 1)"
    axes.axhline(point[y], **look)
    axes.axvline(point[x], **look)
    axes.scatter(point[x], point[y], marker="*", s=110, color=DARK, label=label, zorder=4)


def draw_confirmed(
    axes: Axes, history: History, again: Mapping[int, Confirmed], x: int | None, y: int
) -> None:
    """Draws what repetitions say of trials: means with 95 % intervals, and a line from the first result.

    Args:
        axes: Where.
        history: The search.
        again: Trials to what their repetitions say.
        x: Index of the objective to the right; None: trials' numbers go there.
        y: Index of the objective upwards.
    """
    found = [one for one in again.values() if one.means]
    for place, one in enumerate(found):
        mean = np.array(one.means) / history.units
        reach = np.array([np.nan if r is None else r for r in one.reach]) / history.units
        first = next(trial for trial in history.trials if trial.number == one.number)
        across, spread = (one.number, None) if x is None else (mean[x], reach[x])
        if first.values is not None:
            before = np.array(first.values) / history.units
            start = one.number if x is None else before[x]
            axes.plot([start, across], [before[y], mean[y]], color=DARK, linewidth=0.7, zorder=4)
        axes.errorbar(
            across,
            mean[y],
            xerr=spread,
            yerr=reach[y],
            fmt="o",
            color=DARK,
            markerfacecolor="white",
            markersize=4,
            linewidth=0.9,
            capsize=2,
            label=None if place else "new runs, mean and 95 %",
            zorder=5,
        )


def draw_rings(axes: Axes, history: History, trials: Sequence[Trial], x: int, y: int) -> None:
    """Rings those trials that are on the front, where it is no line: in two of three or more objectives."""
    numbers = {trial.number for trial in trials}
    chosen = [trial for trial in front_trials(history) if trial.number in numbers]
    if chosen:
        values = own_values(history, chosen)
        axes.scatter(
            values[:, x],
            values[:, y],
            s=70,
            facecolors="none",
            edgecolors=VERMILION,
            linewidths=1.1,
            label="Pareto front",
            zorder=2,
        )


def draw_best(axes: Axes, history: History, color: str = VERMILION) -> None:
    """Draws the best value so far of a single objective over the trials, broken constraints left out."""
    trials = in_view(history)
    values = np.where(history.feasible(trials), history.values(trials)[:, 0], np.nan)
    best = np.fmax.accumulate(values) * history.goals.signs[0]
    numbers = [trial.number for trial in trials]
    axes.step(numbers, best, where="post", color=color, linewidth=1.5, label="best so far", zorder=2)


def legend_above(figure: Figure, panels: Sequence[Axes]) -> None:
    """One legend for all panels, above them."""
    found: dict[str, Artist] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    add_legend(figure, list(found.values()), len(found) if len(found) <= 4 else 3)
