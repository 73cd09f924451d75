"""The figures' look: a mark an origin, and panels."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from paretoparse.figures import BLUE, DARK, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, style

_Share = Literal["none", "row", "col", "all"]


@dataclass(frozen=True)
class Mark:
    """How the trials of one origin are drawn.

    Attributes:
        label: What the legend says.
        color: Their colour.
        marker: Their shape.
    """

    label: str
    color: str
    marker: str


# One an origin, so that a strategy looks the same in every figure.
_MARKS = {
    "reference": Mark("Reference model", DARK, "*"),
    "sobol": Mark("Sobol", GREY, "o"),
    "adaptive": Mark("Adaptive", VERMILION, "X"),
    "saas": Mark("SAAS", BLUE, "s"),
    "saasborobust": Mark("SAAS, robust", SKY, "d"),
    "gp": Mark("GP", GREEN, "^"),
    "mapsaas": Mark("MAP-SAAS", PURPLE, "D"),
    "tpe": Mark("TPE", SKY, "v"),
    "nsga2": Mark("NSGA-II", ORANGE, "P"),
    "bayesian": Mark("Bayesian optimisation", BLUE, "s"),
}
# What else a strategy may be called, spelt without anything but letters and digits.
_SAME = {"saasbo": "saas", "nsgaii": "nsga2"}
_OTHERS = ((BLUE, "X"), (ORANGE, "<"), (GREEN, ">"), (PURPLE, "h"), (SKY, "d"))


def marks(origins: Sequence[str]) -> dict[str, Mark]:
    """Origin to how its trials are drawn, in the order of their first trials; the reference first."""
    found = {}
    others = 0
    for origin in sorted(dict.fromkeys(origins), key=lambda one: one != "reference"):
        name = re.sub(r"[\W_]", "", origin).lower()
        mark = _MARKS.get(_SAME.get(name, name))
        if mark is None:
            mark = Mark(origin, *_OTHERS[others % len(_OTHERS)])
            others += 1
        found[origin] = mark
    return found


def new_figure(
    rows: int = 1,
    columns: int = 1,
    *,
    width: float = 5.0,
    height: float = 3.8,
    share: Literal["none", "row", "grid", "all"] = "none",
) -> tuple[Figure, list[list[Axes]]]:
    """An empty figure in the project's look.

    Args:
        rows: Rows of panels.
        columns: Columns of panels.
        width: Of the figure, in inches.
        height: Of the figure, in inches.
        share: Which panels have the same axes: none, all of a row, those of a row (y) and of a column (x) as
            in a grid, or all.

    Returns:
        The figure and its panels, row by row.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    how: dict[str, tuple[_Share, _Share]] = {
        "none": ("none", "none"),
        "row": ("row", "row"),
        "grid": ("col", "row"),
        "all": ("all", "all"),
    }
    sharex, sharey = how[share]
    panels = figure.subplots(rows, columns, squeeze=False, sharex=sharex, sharey=sharey)
    for axes in panels.flat:
        style(axes)
    return figure, [list(row) for row in panels]


def empty_figure(reason: str) -> Figure:
    """A figure that says why there is nothing to see."""
    figure = Figure(figsize=(5.0, 2.0), layout="constrained")
    figure.text(0.5, 0.5, reason, ha="center", va="center", wrap=True, color=DARK, fontsize=10)
    return figure
