"""How fast strategies come how far: over evaluations and over hours, several searches a strategy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nas.report.card import Card, Rows
from nas.report.clock import search_hours
from nas.report.drawing import legend_above
from nas.report.sides import Side, sides, sides_caption, strategy_of
from nas.report.style import marks, new_figure
from nas.space import Array
from nas.study import ENDED, Study
from paretoparse.figures import LINES

# From so many searches on their standard error is drawn; two show their range.
_FOR_ERROR = 3
# Markers on a line.
_MARKERS = 6


@dataclass(frozen=True)
class _Steps:
    """How far one search has come.

    Attributes:
        at: `k`, rising: evaluations or hours.
        values: `k`, from there on.
        end: Where the search ended.
    """

    at: Array
    values: Array
    end: float


@dataclass(frozen=True)
class _Band:
    """The searches of one strategy.

    Attributes:
        at: `k`, rising: evaluations or hours.
        values: `s x k`, each search's values from there on.
    """

    at: Array
    values: Array

    @property
    def mean(self) -> Array:
        """`k`."""
        return np.asarray(self.values.mean(axis=0))

    @property
    def error(self) -> Array | None:
        """`k` standard errors of the mean; None for fewer than three searches."""
        count = len(self.values)
        if count < _FOR_ERROR:
            return None
        return np.asarray(self.values.std(axis=0, ddof=1) / np.sqrt(count))

    @property
    def edges(self) -> tuple[Array, Array]:
        """The band's lower and upper edge, `k` each."""
        if self.error is None:
            return self.values.min(axis=0), self.values.max(axis=0)
        return self.mean - self.error, self.mean + self.error


def compare(studies: Mapping[str, Study]) -> Card:
    """The hypervolume over evaluations and over hours: a line a strategy, a band over its searches.

    Searches whose strategies have the same name are those of one strategy with several seeds. Evaluations are
    trials in the order of their numbers, the reference and failed ones included; hours are those of
    `nas.report.clock.search_hours`, left out if a study keeps no times. Of a single objective the best value
    so far takes the place of the hypervolume.

    Raises:
        ReportError: If their objectives differ, or if one has no completed trial.
    """
    found = sides(studies)
    groups: dict[str, list[int]] = {}
    for place, study in enumerate(studies.values()):
        groups.setdefault(strategy_of(study), []).append(place)
    panels = {"evaluations": _bands(groups, [_over_evaluations(side) for side in found])}
    hours = [_over_hours(side, study) for side, study in zip(found, studies.values(), strict=True)]
    timed = [one for one in hours if one is not None]
    if len(timed) == len(found):
        panels["hours"] = _bands(groups, timed)
    what = "best value" if found[0].single else "hypervolume"
    heads = ("strategy", "searches", *panels, what, "standard error", "lowest", "highest")
    cells = []
    for name, band in panels["evaluations"].items():
        error, ends = band.error, [float(one.at[-1]) for one in (panel[name] for panel in panels.values())]
        last = band.values[:, -1]
        spread = (None if error is None else float(error[-1]), float(last.min()), float(last.max()))
        cells.append((name, len(last), int(ends[0]), *ends[1:], float(last.mean()), *spread))
    caption = (
        "Mean of each strategy's searches, as far as all of them went; the band is the standard error, of "
        f"two searches their range. {sides_caption(found[0])}"
    )
    caption += "" if "hours" in panels else " Not all studies keep times, so there are no hours."
    label = found[0].progress_label
    return Card("convergence", "Convergence", caption, Rows(heads, cells), lambda: _draw(panels, label))


def _over_evaluations(side: Side) -> _Steps:
    ended = [trial.number for trial in side.history.of(*ENDED)]
    at = np.searchsorted(ended, side.numbers).astype(np.float64) + 1.0
    return _from_start(side, at, np.arange(len(at), dtype=np.intp), float(len(ended)))


def _over_hours(side: Side, study: Study) -> _Steps | None:
    """None if the study does not keep the times of all results."""
    hours = search_hours(study)
    if any(number not in hours for number in side.numbers):
        return None
    at = np.array([hours[number] for number in side.numbers])
    return _from_start(side, at, np.argsort(at, kind="stable"), max(hours.values()))


def _from_start(side: Side, at: Array, order: npt.NDArray[np.intp], end: float) -> _Steps:
    """A search's steps; before its first result its hypervolume is 0, and there is no best value."""
    at, values = at[order], side.progress(order)
    if side.single:
        return _Steps(at, values, end)
    return _Steps(np.append(0.0, at), np.append(0.0, values), end)


def _bands(groups: Mapping[str, Sequence[int]], searches: Sequence[_Steps]) -> dict[str, _Band]:
    return {name: _band([searches[i] for i in places]) for name, places in groups.items()}


def _band(searches: Sequence[_Steps]) -> _Band:
    """One strategy's searches, from where all have a value to where the first of them ended."""
    first = max(float(one.at[0]) for one in searches)
    last = max(min(one.end for one in searches), first)
    at = np.unique(np.concatenate([[first, last], *(one.at for one in searches)]))
    at = at[(at >= first) & (at <= last)]
    return _Band(
        at, np.stack([one.values[np.searchsorted(one.at, at, side="right") - 1] for one in searches])
    )


def _draw(panels: Mapping[str, Mapping[str, _Band]], label: str) -> Figure:
    figure, (line,) = new_figure(1, len(panels), width=4.2 * len(panels) + 0.6, height=3.6, share="none")
    for axes, (unit, bands) in zip(line, panels.items(), strict=True):
        _draw_bands(axes, bands)
        axes.set_xlabel("evaluations" if unit == "evaluations" else "hours of search")
        axes.set_xlim(left=0)
    line[0].xaxis.set_major_locator(MaxNLocator(integer=True))
    line[0].set_ylabel(label)
    for axes in line[1:]:
        axes.sharey(line[0])
    legend_above(figure, line)
    return figure


def _draw_bands(axes: Axes, bands: Mapping[str, _Band]) -> None:
    for index, (name, mark) in enumerate(marks(list(bands)).items()):
        band = bands[name]
        count = len(band.values)
        axes.step(
            band.at,
            band.mean,
            where="post",
            color=mark.color,
            linestyle=LINES[index % len(LINES)],
            marker=mark.marker,
            # Apart from each other where lines run together.
            markevery=(0.03 * (index + 1), 1 / _MARKERS),
            label=f"{mark.label}, {count} search{'es' if count > 1 else ''}",
            linewidth=1.6,
            markersize=5,
            markeredgecolor="white",
            markeredgewidth=0.5,
        )
        if count > 1:
            axes.fill_between(band.at, *band.edges, step="post", color=mark.color, alpha=0.2, linewidth=0)
