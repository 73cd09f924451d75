"""Which parameters matter for which objective."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from nas.report.card import Card, Rows
from nas.report.style import BLUE, new_figure
from nas.study import History, Study

if TYPE_CHECKING:
    from nas.surrogate.importance import Importance


def card(study: Study) -> Card:
    """The parameters' shares of the inverse squared lengthscales of a SAAS fit, with 90 % intervals.

    Raises:
        ReportError: If fewer than four trials have completed.
    """
    goals = study.goals
    found = _fit(study.history)
    order = np.argsort(-_largest(found), kind="stable")
    heads = [f"{name}{end}" for name in goals.names for end in ("", " 5 %", " 95 %")]
    cells = [
        (
            found[0].names[i],
            *(round(float(end[i]), 4) for one in found for end in (one.median, one.lower, one.upper)),
        )
        for i in order
    ]
    caption = (
        "Median shares of the inverse squared lengthscales over the posterior draws, with 90 % intervals: a "
        "parameter of share 0 does not change what is predicted."
    )
    rows = Rows(("parameter", *heads), cells)
    return Card(
        "importance", "Importance of the parameters", caption, rows, lambda: _draw(found, goals.names)
    )


def _fit(history: History) -> "Sequence[Importance]":
    # Torch takes seconds to import; those who list cards do without.
    from nas.report.fits import SEED, THINNING, observations
    from nas.surrogate.importance import importances
    from nas.surrogate.saas import SaasSurrogate

    fit = SaasSurrogate(thinning=THINNING).fit(observations(history), seed=SEED)
    return importances(fit, history.space.names, history.space.columns())


def _largest(found: "Sequence[Importance]") -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    largest: np.ndarray[tuple[int], np.dtype[np.float64]] = np.max([one.median for one in found], axis=0)
    return largest


def _draw(found: "Sequence[Importance]", objectives: Sequence[str]) -> Figure:
    count = len(found[0].names)
    figure, (panels,) = new_figure(
        1, len(found), width=3.4 * len(found) + 1.8, height=0.22 * count + 1.4, share="all"
    )
    order = np.argsort(_largest(found), kind="stable")
    for axes, one, objective in zip(panels, found, objectives, strict=True):
        reach = np.stack([one.median - one.lower, one.upper - one.median])[:, order]
        axes.errorbar(
            one.median[order], np.arange(count), xerr=reach, fmt="o", capsize=2, markersize=4, color=BLUE
        )
        axes.set_yticks(np.arange(count), [one.names[i] for i in order])
        axes.set_xlim(0, 1)
        axes.set_title(objective.replace("_", " "), fontsize=10)
    figure.supxlabel("share of the inverse squared lengthscales", fontsize=9)
    return figure
