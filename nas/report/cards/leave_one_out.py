"""How well surrogates predict trials that they have not seen."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nas.report.card import Card, Rows
from nas.report.drawing import axis_label
from nas.report.style import new_figure
from nas.study import History, Study
from paretoparse.figures import BLUE, GREY

if TYPE_CHECKING:
    from nas.surrogate.crossval import LeaveOneOut

# Objective's index to its results by surrogate.
Found = Mapping[int, "Mapping[str, LeaveOneOut]"]


def card(study: Study) -> Card:
    """Leave-one-out predictions against observations, SAAS beside MAP, with 95 % intervals.

    Figure 2 of Eriksson et al. 2021.

    Raises:
        ReportError: If fewer than four trials have completed, or no objective varies.
    """
    found, note = _fit(study.history)
    rows = [
        (study.goals.names[index], name, *result.summary().values())
        for index, results in found.items()
        for name, result in results.items()
    ]
    scores = next(iter(next(iter(found.values())).values())).summary()
    heads = ("objective", "surrogate", *(score.replace("_", " ") for score in scores))
    caption = (
        "Every trial predicted from the others, with 95 % intervals, in units of the reference. Where Pareto "
        f"k exceeds 0.7, the estimate is not to be trusted.{note}"
    )
    title = "Leave-one-out predictions"
    return Card("leave_one_out", title, caption, Rows(heads, rows), lambda: _draw(study.history, found))


def _fit(history: History) -> tuple[Found, str]:
    """The predictions of the objectives that vary, and what to say of the data."""
    # Torch takes seconds to import; those who list cards do without.
    from nas.report.fits import SURROGATES, fit
    from nas.surrogate.crossval import leave_one_out
    from nas.threads import torch_threads

    fits = {name: fit(history, name) for name in SURROGATES}
    with torch_threads(1):
        results = {name: leave_one_out(one.posterior) for name, one in fits.items()}
    one = next(iter(fits.values()))
    found = {index: {name: results[name][i] for name in fits} for i, index in enumerate(one.varying)}
    return found, one.caption(history)


def _draw(history: History, found: Found) -> Figure:
    count, across = len(found), len(next(iter(found.values())))
    figure, panels = new_figure(count, across, width=4.2 * across, height=3.6 * count + 0.4, share="row")
    for (index, results), line in zip(found.items(), panels, strict=True):
        for axes, (name, result) in zip(line, results.items(), strict=True):
            summary = result.summary()
            _draw_predictions(axes, result, history.goals.objectives[index].sign)
            axes.set_title(
                f"{name}: log density {summary['log_density']:.2f}, "
                f"rank correlation {summary['rank_correlation']:.2f}",
                fontsize=9,
            )
            axes.set_xlabel(f"observed {axis_label(history, index)}", fontsize=9)
        line[0].set_ylabel("predicted from the other trials", fontsize=9)
    return figure


def _draw_predictions(axes: Axes, result: "LeaveOneOut", sign: float) -> None:
    observed, mean = sign * result.observed, sign * result.mean
    ends = np.sort(sign * np.stack([result.lower, result.upper]), axis=0)
    reach = np.maximum(np.stack([mean - ends[0], ends[1] - mean]), 0.0)
    axes.errorbar(observed, mean, yerr=reach, fmt="o", color=BLUE, ecolor=GREY, markersize=4, linewidth=0.8)
    axes.axline((float(observed[0]), float(observed[0])), slope=1.0, color=GREY, linestyle="--", linewidth=1)
