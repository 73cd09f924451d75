"""Figures of a search, from its study alone: `python -m nas.figures study=DIR`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nas.errors import NasError, ReportError
from nas.pareto import front, hypervolume_trace
from nas.report import study_directory
from nas.space import Array
from nas.study import REFERENCE, SOBOL, Study, TrialState, open_study

BLUE, ORANGE, GREY, DARK = "#0072b2", "#d55e00", "#999999", "#222222"
DPI = 200


def write_figures(study: Study, directory: Path) -> None:
    """Draws `figures/objectives.png` and `figures/hypervolume.png`.

    Raises:
        ReportError: If no trial has completed.
    """
    if not study.trials(TrialState.COMPLETED):
        raise ReportError("no trial has completed, so there is nothing to draw.")
    folder = directory / "figures"
    folder.mkdir(exist_ok=True)
    for name, figure in (
        ("objectives", objectives_figure(study)),
        ("hypervolume", hypervolume_figure(study)),
    ):
        save(figure, folder / f"{name}.png")


def save(figure: Figure, path: Path) -> None:
    """Writes a figure so that readers see all of it or nothing."""
    temporary = path.with_name(f".{path.name}")
    FigureCanvasAgg(figure)
    figure.savefig(temporary, dpi=DPI, format="png")
    temporary.replace(path)


def new_axes(width: float = 5.0, height: float = 3.8) -> tuple[Figure, Axes]:
    """An empty figure in the project's look; width and height in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def objectives_figure(study: Study) -> Figure:
    """Both objectives of every completed trial, in units of the reference model, with the front."""
    figure, axes = new_axes()
    completed = study.trials(TrialState.COMPLETED)
    scaled = study.to_maximise(completed)
    values = scaled * study.signs()
    origins = np.array([trial.origin for trial in completed])
    chosen = (origins != SOBOL) & (origins != REFERENCE)
    for label, mask, color in (
        ("Sobol", origins == SOBOL, GREY),
        ("Bayesian optimisation", chosen, BLUE),
    ):
        if mask.any():
            axes.scatter(
                values[mask, 1], values[mask, 0], s=26, color=color, label=label, edgecolors="white", zorder=3
            )
    draw_front(axes, scaled, study)
    draw_reference(axes, study)
    for axis, index in ((axes.xaxis, 1), (axes.yaxis, 0)):
        axis.set_label_text(_label(study, index))
    figure.legend(frameon=False, fontsize=8, loc="outside upper center", ncols=2)
    return figure


def draw_front(axes: Axes, scaled: Array, study: Study) -> None:
    """The front of `n x 2` objectives (as of `Study.to_maximise`) as the staircase that bounds what is
    dominated.
    """
    best = scaled[front(scaled)] * study.signs()
    best = best[np.argsort(best[:, 1])]
    where: Literal["pre", "post"] = "post" if study.signs()[1] < 0 else "pre"
    axes.step(
        best[:, 1], best[:, 0], where=where, color=ORANGE, linewidth=1.3, label="Pareto front", zorder=2
    )


def draw_reference(axes: Axes, study: Study) -> None:
    """The reference point and the lines through it."""
    point = study.reference_point() * study.signs()
    axes.axvline(point[1], color=DARK, linewidth=0.7, linestyle=":", zorder=1)
    axes.axhline(point[0], color=DARK, linewidth=0.7, linestyle=":", zorder=1)
    label = "Reference model (1, 1)" if study.reference_values() is not None else "Reference point"
    axes.scatter(point[1], point[0], marker="*", s=110, color=DARK, label=label, zorder=4)


def _label(study: Study, index: int) -> str:
    name, way = list(study.objectives.items())[index]
    text = name.replace("_", " ")
    if study.reference_values() is not None and study.scale()[index] != 1:
        text += " / reference"
    return f"{text} ({'higher' if way == 'maximize' else 'lower'} is better)"


def hypervolume_figure(study: Study) -> Figure:
    """The hypervolume after each completed trial, with the batches marked."""
    figure, axes = new_axes(height=3.2)
    completed = study.trials(TrialState.COMPLETED)
    trace = hypervolume_trace(study.to_maximise(completed), study.reference_point())
    axes.step([t.number for t in completed], trace, where="post", color=BLUE, linewidth=1.6)
    starts = [t.number for t in study.trials() if t.number and t.batch != study.batch_of(t.number - 1)]
    for index, start in enumerate(starts):
        axes.axvline(
            start - 0.5,
            color=GREY,
            linewidth=0.7,
            linestyle="--",
            label=None if index else "start of a batch",
        )
    axes.set_xlabel("trial")
    axes.set_ylabel("hypervolume (higher is better)")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if starts:
        axes.legend(frameon=False, fontsize=8, loc="lower right")
    return figure


def main(arguments: Sequence[str]) -> None:
    """Draws a search's figures anew."""
    directory = study_directory(arguments)
    write_figures(open_study(directory), directory)
    print(directory / "figures")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except NasError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
