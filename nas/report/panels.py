"""What figures of parameters share: a panel an objective, a row a parameter, estimates with intervals."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nas.report.style import Mark, new_figure
from nas.space import Array

if TYPE_CHECKING:
    from nas.surrogate.importance import Estimate

_FONT = 8
# Inches: a letter of a row's name, a row, a panel.
_LETTER, _ROW, _PANEL = 0.068, 0.22, 3.2


def parameter_panels(rows: Sequence[str], titles: Sequence[str]) -> tuple[Figure, list[Axes]]:
    """A panel for each objective, side by side, with the same rows from top to bottom.

    Args:
        rows: What stands beside each row; none is cut.
        titles: The objectives.
    """
    width = _PANEL * len(titles) + _LETTER * max(map(len, rows)) + 0.3
    figure, (panels,) = new_figure(
        1, len(titles), width=max(width, 6.0), height=_ROW * len(rows) + 1.5, share="grid"
    )
    for axes, title in zip(panels, titles, strict=True):
        axes.set_title(title.replace("_", " "), fontsize=10)
        axes.tick_params(labelsize=_FONT)
        axes.tick_params(axis="y", length=0)
    panels[0].set_yticks(np.arange(len(rows)), rows)
    panels[0].set_ylim(len(rows) - 0.4, -0.6)
    return figure, panels


def draw_estimates(
    axes: Axes, positions: Array, found: "Estimate", mark: Mark, *, hollow: bool = False
) -> None:
    """Draws estimates with their intervals.

    Args:
        axes: Where.
        positions: `k`, in rows; the topmost is 0.
        found: k estimates, in the panel's units.
        mark: How.
        hollow: Whether the marks are not filled, to tell them apart in grey too.
    """
    middle = np.asarray(found.median)
    reach = np.maximum([middle - found.lower, found.upper - middle], 0.0)
    axes.errorbar(
        middle,
        positions,
        xerr=reach,
        fmt=mark.marker,
        color=mark.color,
        markerfacecolor="white" if hollow else mark.color,
        markersize=4,
        linewidth=1.1,
        capsize=1.5,
        label=mark.label,
    )
