"""The models of the Pareto front beside the reference model, as stacks of blocks."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nas.errors import ReportError
from nas.report.architecture import shape_of
from nas.report.card import Card, Rows
from nas.report.drawing import own_values
from nas.report.formats import short
from nas.report.numbers import front_trials, is_ratio
from nas.space import Array
from nas.study import REFERENCE, History, Study, Trial

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MODELS = 5
# Inches: a column, and a unit of the blocks' height.
_COLUMN, _UNIT = 1.6, 0.2


def card(study: Study) -> Card:
    """The reference model and at most five models spread over the front, from accurate to fast.

    It needs no more than the parameters of conf/space/nar_top.yaml.

    Raises:
        ReportError: If the study is of another app, or no trial has completed.
    """
    history = study.history
    if not history.completed:
        raise ReportError("no trial has completed, so there is no model to draw; let the search go on.")
    reference = [t for t in history.completed if t.origin == REFERENCE]
    front = [trial for trial in reversed(front_trials(history)) if trial.origin != REFERENCE]
    if not (reference or front):
        raise ReportError("no trial keeps all constraints, so the front has no model; let the search go on.")
    chosen = [*reference, *(front[i] for i in spread(history.values(front), _MODELS))]
    shapes = [shape_of(study, trial) for trial in chosen]
    results = [_results(history, trial) for trial in chosen]
    titles = [_title(trial) for trial in chosen]
    rows: list[tuple[object, ...]] = [(key, *(shape[key] for shape in shapes)) for key in shapes[0]]
    rows += [(name, *texts) for name, *texts in zip(history.goals.names, *results, strict=True)]
    caption = (
        f"{len(chosen) - len(reference)} of the {len(front)} models of the front. Blocks are as wide as "
        "their dimensions. In brackets: results in units of the reference's."
    )
    table = Rows(("parameter", *titles), rows)
    labels = [name.replace("_", " ") for name in history.goals.names]
    return Card(
        "architectures", "Architectures", caption, table, lambda: _draw(titles, shapes, labels, results)
    )


def spread(values: Array, count: int) -> list[int]:
    """Which points of a front stand for all of it: its ends, then ever the one farthest from those chosen.

    Args:
        values: `n x m`.
        count: How many at most.

    Returns:
        Their places, rising.
    """
    if len(values) <= count:
        return list(range(len(values)))
    reach = np.ptp(values, axis=0)
    places = values / np.where(reach > 0, reach, 1.0)
    chosen = [0, len(values) - 1]
    while len(chosen) < count:
        gaps = np.linalg.norm(places[:, None] - places[chosen], axis=2).min(axis=1)
        chosen.append(int(gaps.argmax()))
    return sorted(chosen)


def _title(trial: Trial) -> str:
    return "reference" if trial.origin == REFERENCE else f"trial {trial.number}"


def _results(history: History, trial: Trial) -> list[str]:
    """Each objective in its own unit and, where there is one, as a ratio to the reference's."""
    ratios = own_values(history, [trial])[0]
    return [
        short(value) + (f" ({ratio:.2f})" if is_ratio(history, index) else "")
        for index, (value, ratio) in enumerate(zip(trial.values or (), ratios, strict=True))
    ]


def _draw(
    titles: Sequence[str],
    shapes: Sequence[Mapping[str, int]],
    labels: Sequence[str],
    results: Sequence[Sequence[str]],
) -> "Figure":
    # Matplotlib takes a while to import.
    from nas.report.style import new_figure
    from paretoparse.blocks import Stack, draw_stacks, height_of, kinds_legend, parts_of
    from paretoparse.figures import add_legend

    stacks = [
        Stack(title, parts_of(shape), tuple(texts))
        for title, shape, texts in zip(titles, shapes, results, strict=True)
    ]
    height = _UNIT * height_of(stacks) + 0.4
    figure, ((axes,),) = new_figure(width=_COLUMN * len(stacks) + 1.2, height=height)
    draw_stacks(axes, stacks, labels)
    add_legend(figure, kinds_legend(), 3)
    return figure
