"""Figures of a search, from its study alone.

    python -m nas.figures study=DIR                     its objectives and its hypervolume
    python -m nas.figures study=DIR figure=2            leave-one-out predictions, SAAS beside MAP; a table
    python -m nas.figures study=DIR figure=importance   which parameters matter; a table
    python -m nas.figures 'study=[DIR,DIR]' figure=3    searches side by side, such as Sobol beside Bayesian

With `out=FILE` the figure goes to that file.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nas.errors import ReportError
from nas.pareto import front, hypervolume, hypervolume_trace
from nas.space import Array
from nas.study import REFERENCE, SOBOL, Study, TrialState, open_study
from paretoparse.arguments import read_list, read_pairs
from paretoparse.cli import plain_main
from paretoparse.console import new_console
from paretoparse.errors import UsageError

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
    style(axes)
    return figure, axes


def style(axes: Axes) -> None:
    """The project's look."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)


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


def comparison_figure(studies: Mapping[str, Study]) -> Figure:
    """Searches side by side on shared axes, each in units of its own reference model, later trials darker.

    Args:
        studies: Title to study; all with the same objectives.

    Raises:
        ReportError: If their objectives differ, or if one has no completed trial.
    """
    first = next(iter(studies.values()))
    for title, study in studies.items():
        if study.objectives != first.objectives:
            raise ReportError(f"{title} has other objectives than the first search.")
        if not study.trials(TrialState.COMPLETED):
            raise ReportError(f"{title} has no completed trial, so there is nothing to draw.")
    figure = Figure(figsize=(4.2 * len(studies), 3.8), layout="constrained")
    panels = figure.subplots(1, len(studies), sharex=True, sharey=True, squeeze=False)[0]
    for axes, (title, study) in zip(panels, studies.items(), strict=True):
        style(axes)
        completed = study.trials(TrialState.COMPLETED)
        scaled = study.to_maximise(completed)
        values = scaled * study.signs()
        numbers = [trial.number for trial in completed]
        dots = axes.scatter(values[:, 1], values[:, 0], c=numbers, s=24, cmap="viridis_r", zorder=3)
        draw_front(axes, scaled, study)
        draw_reference(axes, study)
        volume = hypervolume(scaled, study.reference_point())
        axes.set_title(f"{title}: hypervolume {volume:.3g}", fontsize=10)
        axes.set_xlabel(_label(study, 1), fontsize=9)
    panels[0].set_ylabel(_label(first, 0), fontsize=9)
    panels[0].legend(frameon=False, fontsize=8)
    figure.colorbar(dots, ax=panels.tolist(), label="trial", pad=0.01)
    return figure


def main(arguments: Sequence[str]) -> None:
    """Draws what `figure` names; several studies only for figure 3, the others one file a study."""
    try:
        given = read_pairs(arguments, ["study", "figure", "out"])
        directories = [Path(name) for name in read_list(given["study"])]
    except (UsageError, KeyError) as error:
        raise ReportError(
            "write study=DIR, or figure=3 'study=[DIR,DIR]', and out=FILE if wanted."
        ) from error
    name, out = given.get("figure", "search"), given.get("out")
    if name == "3":
        studies = {directory.name: open_study(directory) for directory in directories}
        if len(studies) < 2:
            raise ReportError("figure 3 compares at least two searches: write 'study=[DIR,DIR]'.")
        file = Path(out or "figure3.png")
        save(comparison_figure(studies), file)
        print(file)
        return
    if name not in ("search", "2", "importance"):
        raise ReportError(f"there is no figure={name}; choose one of search, 2, 3 and importance.")
    for directory in directories:
        study = open_study(directory)
        if name == "search":
            write_figures(study, directory)
            print(directory / "figures")
        else:
            _draw_surrogate(study, name, Path(out or directory / "figures" / _FILES[name]))


_FILES = {"2": "figure2.png", "importance": "importance.png"}


def _draw_surrogate(study: Study, name: str, out: Path) -> None:
    # Fitting needs BoTorch, which takes seconds to import.
    from nas.surrogate_figures import leave_one_out_figure, parameter_figure

    figure, table = leave_one_out_figure(study) if name == "2" else parameter_figure(study)
    out.parent.mkdir(parents=True, exist_ok=True)
    save(figure, out)
    new_console().print(table)
    print(out)


if __name__ == "__main__":
    plain_main(main, __doc__)
