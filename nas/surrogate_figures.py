"""Figures that need a surrogate: how well it predicts a search's trials, and which parameters it finds to
matter. The surrogate is fitted to what the study holds.
"""

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.table import Table
from torch import Tensor

from nas.errors import ReportError
from nas.figures import BLUE, GREY, style
from nas.space import Space, read_space
from nas.study import Study, TrialState
from nas.surrogate import Surrogate
from nas.surrogate.crossval import LeaveOneOut, leave_one_out
from nas.surrogate.gp import GpSurrogate
from nas.surrogate.importance import importance_figure, importance_table, importances
from nas.surrogate.saas import SaasSurrogate

MIN_TRIALS = 4
# More draws than a search keeps: the tails of the leave-one-out weights are fitted to them.
THINNING = 4
SEED = 0


def leave_one_out_figure(study: Study) -> tuple[Figure, Table]:
    """Leave-one-out predictions against observations, SAAS beside MAP, with 95 % intervals.

    Figure 2 of Eriksson et al. 2021.

    Returns:
        The figure, one row an objective, and the scores of both surrogates as a table.

    Raises:
        ReportError: If fewer than four trials have completed.
    """
    X, Y, _ = _observations(study)
    names: dict[str, Surrogate] = {"SAAS": SaasSurrogate(thinning=THINNING), "MAP": GpSurrogate()}
    found = {name: leave_one_out(surrogate.fit(X, Y, seed=SEED)) for name, surrogate in names.items()}
    columns: dict[str, dict[str, float]] = {}
    figure = Figure(figsize=(8.4, 7.6), layout="constrained")
    panels = figure.subplots(2, len(found), sharex="row", sharey="row")
    for row, (objective, sign) in enumerate(zip(study.objectives, study.signs(), strict=True)):
        for axes, (name, results) in zip(panels[row], found.items(), strict=True):
            _draw(axes, results[row], sign)
            summary = results[row].summary()
            columns[f"{objective}\n{name}"] = summary
            axes.set_title(
                f"{objective}, {name}: log density {summary['log_density']:.2f}, "
                f"rank corr. {summary['rank_correlation']:.2f}",
                fontsize=9,
            )
            axes.set_xlabel("observed, ratio to the reference", fontsize=9)
        panels[row][0].set_ylabel("predicted from the other trials", fontsize=9)
    table = Table("score", *columns, title="Leave-one-out predictions, in units of the reference")
    for score in next(iter(columns.values())):
        table.add_row(score, *(f"{summary[score]:.3g}" for summary in columns.values()))
    return figure, table


def parameter_figure(study: Study) -> tuple[Figure, Table]:
    """Which parameters matter for which objective, with 90 % intervals, from a SAAS fit.

    Returns:
        The figure and the same as a table.

    Raises:
        ReportError: If fewer than four trials have completed.
    """
    X, Y, space = _observations(study)
    model = SaasSurrogate(thinning=THINNING).fit(X, Y, seed=SEED)
    found = importances(model, space.names, space.columns())
    objectives = list(study.objectives)
    return importance_figure(found, objectives), importance_table(found, objectives)


def _observations(study: Study) -> tuple[Tensor, Tensor, Space]:
    space = read_space(study.description)
    trials = [trial for trial in study.trials(TrialState.COMPLETED) if space.contains(trial.point)]
    if len(trials) < MIN_TRIALS:
        raise ReportError(
            f"{len(trials)} trials have completed, and a surrogate needs {MIN_TRIALS}; let the search go on."
        )
    X = torch.from_numpy(space.encode([trial.point for trial in trials]))
    return X, torch.from_numpy(study.to_maximise(trials)), space


def _draw(axes: Axes, result: LeaveOneOut, sign: float) -> None:
    style(axes)
    observed, mean = sign * result.observed, sign * result.mean
    ends = np.sort(sign * np.stack([result.lower, result.upper]), axis=0)
    reach = np.maximum(np.stack([mean - ends[0], ends[1] - mean]), 0.0)
    axes.errorbar(observed, mean, yerr=reach, fmt="o", color=BLUE, ecolor=GREY, markersize=4, linewidth=0.8)
    axes.axline((float(observed[0]), float(observed[0])), slope=1.0, color=GREY, linestyle="--", linewidth=1)
