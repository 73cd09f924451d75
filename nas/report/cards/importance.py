"""Which parameters matter for which objective: the shares of its variance that they explain."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from nas.report.card import Card, Rows
from nas.report.drawing import legend_above
from nas.report.formats import interval
from nas.report.panels import draw_estimates, parameter_panels
from nas.report.style import Mark
from nas.study import History, Study
from paretoparse.figures import BLUE, VERMILION

if TYPE_CHECKING:
    from nas.surrogate.importance import Importance

_TOTAL = Mark("total: alone and together with others", BLUE, "o")
_FIRST = Mark("first order: alone", VERMILION, "s")


def card(study: Study) -> Card:
    """The parameters' Sobol indices over the space, from a SAAS fit, with 90 % intervals.

    Raises:
        ReportError: If fewer than four trials have completed, or no objective varies.
    """
    history = study.history
    found, note = _estimate(history)
    largest = np.max([one.total.median for one in found.values()], axis=0)
    order = np.argsort(-largest, kind="stable").tolist()
    heads = [f"{name} {kind}" for name in found for kind in ("total", "first order")]
    columns = [e.rows() for one in found.values() for e in (one.total, one.first)]
    cells = [(history.space.names[i], *(interval(column[i], 2) for column in columns)) for i in order]
    caption = (
        "Share of an objective's variance over the space that a parameter explains alone (first order) and "
        f"together with others (total): Sobol indices, with 90 % intervals.{note}"
    )
    rows = Rows(("parameter", *heads), cells)
    return Card(
        "importance",
        "Importance of the parameters",
        caption,
        rows,
        lambda: _draw(found, history.space.names, order),
    )


def _estimate(history: History) -> "tuple[dict[str, Importance], str]":
    """Objective to its importances, and what to say of the data."""
    # Torch takes seconds to import; those who list cards do without.
    from nas.report.fits import SEED, fit
    from nas.surrogate.importance import importances
    from nas.threads import torch_threads

    space = history.space
    made = fit(history, "SAAS")
    with torch_threads(1):
        found = importances(
            made.posterior,
            lambda uniform: space.encode(space.at_quantiles(uniform)),
            len(space.names),
            seed=SEED,
        )
    names = [history.goals.names[i] for i in made.varying]
    return dict(zip(names, found, strict=True)), made.caption(history)


def _draw(found: "dict[str, Importance]", names: Sequence[str], order: Sequence[int]) -> Figure:
    figure, panels = parameter_panels([names[i] for i in order], list(found))
    rows = np.arange(len(order), dtype=np.float64)
    end = max(float(one.total.upper.max()) for one in found.values())
    for axes, one in zip(panels, found.values(), strict=True):
        draw_estimates(axes, rows - 0.15, one.total.take(order), _TOTAL)
        draw_estimates(axes, rows + 0.15, one.first.take(order), _FIRST, hollow=True)
        axes.set_xlim(-0.02 * end, 1.05 * end)
        axes.set_xlabel("share of the variance over the space", fontsize=9)
    legend_above(figure, panels)
    return figure
