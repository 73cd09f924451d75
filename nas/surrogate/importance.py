"""Which parameters matter for which objective: the posterior of the inverse squared lengthscales.

A dimension with a long lengthscale cannot change the objective's prediction; the SAAS prior makes most of
them so.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.table import Table

from nas.surrogate.errors import SurrogateError
from nas.surrogate.posterior import Members, Posterior

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Importance:
    """How much each parameter matters for one objective.

    The share of a parameter is its part of the sum of inverse squared lengthscales over all parameters, so
    that the shares of one draw add up to 1. A parameter of several columns (one-hot) has their sum.

    Attributes:
        names: The parameters.
        median: Their median shares over the draws, in [0, 1].
        lower: 5 % quantiles.
        upper: 95 % quantiles.
    """

    names: tuple[str, ...]
    median: Array
    lower: Array
    upper: Array

    def ranking(self) -> list[int]:
        """Indices of the parameters, the most important one first."""
        return [int(i) for i in np.argsort(-self.median, kind="stable")]


def importances(posterior: Posterior, names: Sequence[str], columns: Sequence[slice]) -> list[Importance]:
    """Compute the importances for every objective.

    Args:
        posterior: Of a surrogate's fit; a mode has intervals of zero width.
        names: The parameters.
        columns: The columns of the unit cube that each parameter has.

    Returns:
        One result an objective.

    Raises:
        SurrogateError: If the columns do not belong to the posterior.
    """
    return [_one_objective(members, tuple(names), columns) for members in posterior.members]


def _one_objective(members: Members, names: tuple[str, ...], columns: Sequence[slice]) -> Importance:
    rho = members.lengthscale.numpy() ** -2.0
    if len(names) != len(columns) or sum(c.stop - c.start for c in columns) != rho.shape[1]:
        raise SurrogateError(
            f"The model has {rho.shape[1]} columns, the parameters have others; "
            "use the space that it was fitted in."
        )
    share = np.stack([rho[:, c].sum(1) for c in columns], axis=1) / rho.sum(1, keepdims=True)
    lower, median, upper = np.quantile(share, [0.05, 0.5, 0.95], axis=0)
    return Importance(names, median, lower, upper)


def importance_table(found: Sequence[Importance], objectives: Sequence[str]) -> Table:
    """Every parameter's median share with its 90 % interval, one column an objective.

    Args:
        found: One an objective.
        objectives: Their names.

    Returns:
        A table ordered by the largest share over the objectives.
    """
    result = Table("parameter", *objectives, title="Shares of the inverse squared lengthscales (90 %)")
    largest = np.max([one.median for one in found], axis=0)
    for i in np.argsort(-largest, kind="stable"):
        cells = [f"{one.median[i]:.2f} ({one.lower[i]:.2f} - {one.upper[i]:.2f})" for one in found]
        result.add_row(found[0].names[i], *cells)
    return result


def importance_figure(found: Sequence[Importance], objectives: Sequence[str]) -> Figure:
    """Draws the shares with their intervals, one panel an objective.

    Args:
        found: One an objective.
        objectives: Their names.
    """
    count = len(found[0].names)
    figure = Figure(figsize=(4.0 * len(found) + 1.5, 0.22 * count + 1.2), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(found), sharey=True))
    order = np.argsort(np.max([one.median for one in found], axis=0), kind="stable")
    for panel, one, objective in zip(panels, found, objectives, strict=True):
        reach = np.stack([one.median - one.lower, one.upper - one.median])[:, order]
        panel.errorbar(one.median[order], np.arange(count), xerr=reach, fmt="o", capsize=2, markersize=4)
        panel.set_yticks(np.arange(count), [one.names[i] for i in order])
        panel.set_xlim(0, 1)
        panel.set_title(objective)
        panel.set_xlabel("share of the inverse squared lengthscales")
    return figure
