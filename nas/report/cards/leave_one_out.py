"""How well surrogates predict trials that they have not seen."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nas.report.card import Card, Rows
from nas.report.drawing import axis_label
from nas.report.style import BLUE, GREY, new_figure
from nas.study import History, Study

if TYPE_CHECKING:
    from nas.surrogate.crossval import LeaveOneOut

Found = Mapping[str, "Sequence[LeaveOneOut]"]


def card(study: Study) -> Card:
    """Leave-one-out predictions against observations, SAAS beside MAP, with 95 % intervals.

    Figure 2 of Eriksson et al. 2021.

    Raises:
        ReportError: If fewer than four trials have completed.
    """
    found = _fit(study.history)
    rows = [
        (objective, name, *results[index].summary().values())
        for index, objective in enumerate(study.goals.names)
        for name, results in found.items()
    ]
    scores = next(iter(found.values()))[0].summary()
    heads = ("objective", "surrogate", *(score.replace("_", " ") for score in scores))
    caption = (
        "Every trial predicted from the others, with 95 % intervals, in units of the reference. Where Pareto "
        "k exceeds 0.7, the estimate is not to be trusted."
    )
    title = "Leave-one-out predictions"
    return Card("leave_one_out", title, caption, Rows(heads, rows), lambda: _draw(study.history, found))


def _fit(history: History) -> Found:
    # Torch takes seconds to import; those who list cards do without.
    from nas.report.fits import SEED, THINNING, observations
    from nas.surrogate import Surrogate
    from nas.surrogate.crossval import leave_one_out
    from nas.surrogate.gp import GpSurrogate
    from nas.surrogate.saas import SaasSurrogate

    surrogates: dict[str, Surrogate] = {"SAAS": SaasSurrogate(thinning=THINNING), "MAP": GpSurrogate()}
    return {
        name: leave_one_out(one.fit(observations(history), seed=SEED)) for name, one in surrogates.items()
    }


def _draw(history: History, found: Found) -> Figure:
    count = len(history.goals.names)
    figure, panels = new_figure(
        count, len(found), width=4.2 * len(found), height=3.6 * count + 0.4, share="row"
    )
    for index, (objective, line) in enumerate(zip(history.goals.objectives, panels, strict=True)):
        for axes, (name, results) in zip(line, found.items(), strict=True):
            summary = results[index].summary()
            _draw_predictions(axes, results[index], objective.sign)
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
