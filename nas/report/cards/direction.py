"""What one step in a parameter does to each objective, around one trial."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from nas.errors import ReportError
from nas.report.card import Card, Rows
from nas.report.drawing import legend_above
from nas.report.formats import interval, short
from nas.report.numbers import front_trials
from nas.report.panels import draw_estimates, parameter_panels
from nas.report.steps import MANY, Step, rows_of, steps_from
from nas.report.style import Mark
from nas.space import Array
from nas.study import REFERENCE, History, Study, Trial
from paretoparse.figures import BLUE, DARK, GREY, VERMILION

if TYPE_CHECKING:
    from nas.report.fits import Fit
    from nas.surrogate.importance import Estimate

_MARKS = {
    -1: Mark("one step down", BLUE, "<"),
    1: Mark("one step up", VERMILION, ">"),
    0: Mark("another choice", DARK, "D"),
}


def card(study: Study, trial: int | None = None) -> Card:
    """The predicted change of every objective for one step in every parameter, with 90 % intervals.

    Args:
        study: The search.
        trial: Number of the trial to step from; None: of the front's trials, the one predicted to beat the
            reference by the largest volume.

    Raises:
        ReportError: If there is no such trial or it lies outside the space, if fewer than four trials have
            completed, or if no objective varies.
    """
    # Torch takes seconds to import; those who list cards do without.
    from nas.report.fits import fit
    from nas.threads import torch_threads

    history = study.history
    asked = None if trial is None else _numbered(history, trial)
    made = fit(history, "SAAS")
    with torch_threads(1):
        start = asked or _promising(history, made)
        steps = steps_from(history.space, start.point)
        found = _changes(history, made, start, steps)
    sizes = _sizes(history, made, found)
    lines = sorted(rows_of(steps), key=lambda line: -max(sizes[line[1]]))
    columns = [one.rows() for one in found.values()]
    cells = [
        (steps[i].name, short(steps[i].before), short(steps[i].after), *(interval(c[i]) for c in columns))
        for _, indices in lines
        for i in indices
    ]
    caption = (
        f"Predicted change of each objective, in its own unit, when one parameter of {_title(start)} takes "
        "one step and all others stay, with 90 % intervals. A step leads to the next value, or over a tenth "
        f"of a range of more than {MANY} values. What changes most comes first.{made.caption(history)}"
    )
    return Card(
        "direction",
        f"Direction: one step from {_title(start)}",
        caption,
        Rows(("parameter", "from", "to", *found), cells),
        lambda: _draw(found, steps, lines, [history.goals.objectives[i].direction for i in made.varying]),
    )


def _title(trial: Trial) -> str:
    return f"trial {trial.number}" + (" (the reference)" if trial.origin == REFERENCE else "")


def _numbered(history: History, number: int) -> Trial:
    if not 0 <= number < len(history):
        raise ReportError(f"there is no trial {number}; the search has trials 0 to {len(history) - 1}.")
    trial = history.trials[number]
    if not history.space.contains(trial.point):
        raise ReportError(f"trial {number} lies outside the search space; choose one inside with trial=N.")
    return trial


def _promising(history: History, made: "Fit") -> Trial:
    """The front's trial whose predicted objectives lie above the reference point by the largest volume.

    Predictions, as the best of many noisy values is a lucky one. Where none lies above it in all objectives,
    the one that falls short of it by least.
    """
    import torch

    trials = [one for one in front_trials(history) or history.completed if history.space.contains(one.point)]
    if not trials:
        raise ReportError("no trial of the front lies inside the search space; choose one with trial=N.")
    mean, _ = made.posterior.predict(torch.from_numpy(history.space.encode([one.point for one in trials])))
    gain = (mean - torch.from_numpy(history.reference[list(made.varying)])).numpy()
    volume = np.where((gain > 0).all(axis=1), np.abs(gain).prod(axis=1), gain.min(axis=1).clip(max=0.0))
    return trials[int(volume.argmax())]


def _changes(history: History, made: "Fit", start: Trial, steps: Sequence[Step]) -> "dict[str, Estimate]":
    """Objective to the changes of all steps, in its own unit and direction."""
    import torch

    from nas.surrogate.direction import changes

    space, goals = history.space, history.goals
    X = torch.from_numpy(space.encode([start.point, *(step.taken(space, start.point) for step in steps)]))
    return {
        goals.names[i]: one.times(float(goals.signs[i] * history.units[i]))
        for i, one in zip(made.varying, changes(made.posterior, X[0], X[1:]), strict=True)
    }


def _sizes(history: History, made: "Fit", found: "dict[str, Estimate]") -> Array:
    """How large each step's largest change is, in standard deviations of the objective."""
    spread = history.values(history.completed).std(axis=0) * history.units
    columns = zip(made.varying, found.values(), strict=True)
    largest: Array = np.max([np.abs(one.median) / spread[i] for i, one in columns], axis=0)
    return largest


def _draw(
    found: "dict[str, Estimate]",
    steps: Sequence[Step],
    lines: Sequence[tuple[str, list[int]]],
    directions: Sequence[str],
) -> Figure:
    figure, panels = parameter_panels([label for label, _ in lines], list(found))
    ways = np.array([step.way for step in steps])
    rows = np.empty(len(steps))
    for row, (_, indices) in enumerate(lines):
        rows[indices] = row
    for axes, one, direction in zip(panels, found.values(), directions, strict=True):
        axes.axvline(0.0, color=GREY, linewidth=0.9, zorder=1)
        for way, mark in _MARKS.items():
            chosen = np.flatnonzero(ways == way)
            if len(chosen):
                draw_estimates(axes, rows[chosen] + 0.15 * way, one.take(chosen.tolist()), mark)
        axes.set_xlabel(f"change ({'higher' if direction == 'maximize' else 'lower'} is better)", fontsize=9)
    legend_above(figure, panels)
    return figure
