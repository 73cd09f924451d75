"""The tables in a search's folder: `trials.csv` and `pareto.csv`."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nas.errors import ReportError
from nas.report.card import Rows
from nas.report.findings import Findings, findings
from nas.report.formats import exact
from nas.report.numbers import front_trials
from nas.study import History, Study, Trial
from paretoparse.files import relative, write_text


def write_tables(study: Study, folder: Path, *, fit: bool = True) -> None:
    """Writes `trials.csv`, one row a trial, and `pareto.csv`, the front sorted by the first objective.

    Args:
        study: The search.
        folder: Where to.
        fit: Whether a surrogate is fitted for what it says of the trials; those columns are empty otherwise.

    Raises:
        ReportError: If a file cannot be written.
    """
    history, found = study.history, findings(study, fit=fit)
    for name, trials in {"trials": history.trials, "pareto": front_trials(history)}.items():
        write_file(folder / f"{name}.csv", to_csv(trial_rows(history, trials, found, folder)), write_text)


def write_file(path: Path, content: Any, write: Callable[[Path, Any], None]) -> None:
    """Writes a file of a report with `write`.

    Raises:
        ReportError: If it cannot be written.
    """
    try:
        write(path, content)
    except OSError as error:
        raise ReportError(
            f"{path} cannot be written ({error.strerror or error}); the study is complete, so make room and "
            "write the report anew with python -m nas.report study=DIR."
        ) from error


def trial_rows(
    history: History, trials: Sequence[Trial], found: Findings, folder: Path | None = None
) -> Rows:
    """All that is known of trials, one row each; the columns are those of the whole search.

    Trials' folders are told from `folder`, where they lie within it.

    Columns: what the trial is, its parameters and other overrides, the objectives with the ends of their
    intervals where the measurement gives any, the metrics of the constraints, what a surrogate says, what
    repetitions said where there are any, and how it ended.
    """
    fixed = dict(history.space.fixed)
    names = _union([dict.fromkeys(history.space.names), fixed, *(trial.point for trial in history.trials)])
    known = _union(trial.metrics for trial in history.completed)
    goals = history.goals
    ends = [f"{name}_{end}" for name in goals.names for end in ("low", "high")]
    others = list(
        dict.fromkeys([*(name for name in ends if name in known), *goals.metrics[len(goals.names) :]])
    )
    missing = (None,) * len(goals.names)
    cells = []
    for trial in trials:
        point = fixed | trial.point
        cells.append(
            (
                *(trial.number, str(trial.state), trial.round, trial.origin),
                *(_parameter(point, name) for name in names),
                *(trial.values or missing),
                *(trial.metrics.get(name) for name in others),
                *_believed(trial, found),
                *(_confirmed(trial, found, len(goals.names)) if found.confirmed else ()),
                *(round(trial.seconds, 3), trial.error, _within(trial.folder, folder)),
            )
        )
    heads = (
        "number",
        "state",
        "batch",
        "origin",
        *names,
        *goals.names,
        *others,
        *("p_beats_reference", "on_posterior_front"),
        *(_confirmed_heads(goals.names) if found.confirmed else ()),
        "seconds",
        "error",
        "folder",
    )
    return Rows(heads, cells)


def metric_rows(study: Study) -> Rows:
    """All metrics of the trials and repetitions that have any, one row each."""
    ended = [one for one in (*study.history.trials, *study.repetitions) if one.metrics]
    names = _union(one.metrics for one in ended)
    cells = [
        (one.number, one.repeats, str(one.state), round(one.seconds, 3), *map(one.metrics.get, names))
        for one in ended
    ]
    return Rows(("number", "repeats", "state", "job_seconds", *names), cells)


def _within(path: str | None, folder: Path | None) -> str | None:
    return path if path is None or folder is None else relative(path, folder)


def _believed(trial: Trial, found: Findings) -> tuple[float | None, bool | None]:
    beliefs = found.beliefs
    if beliefs is None or trial.values is None:
        return None, None
    return beliefs.p_beats.get(trial.number), trial.number in beliefs.front


def _confirmed_heads(names: Sequence[str]) -> list[str]:
    means = [f"confirmed_{name}{end}" for name in names for end in ("", "_low", "_high")]
    return ["confirmed_runs", "confirmed_p_beats_reference", *means]


def _confirmed(trial: Trial, found: Findings, count: int) -> list[float | None]:
    one = found.confirmed.get(trial.number)
    if one is None:
        return [None] * (2 + 3 * count)
    cells: list[float | None] = [one.runs, one.p_beats]
    for mean, reach in zip(one.means or [None] * count, one.reach or [None] * count, strict=True):
        ends = (None, None) if mean is None or reach is None else (mean - reach, mean + reach)
        cells += [mean, *ends]
    return cells


def _union(mappings: Iterable[Mapping[str, Any]]) -> list[str]:
    found: dict[str, None] = {}
    for mapping in mappings:
        if not mapping.keys() <= found.keys():
            found.update(dict.fromkeys(mapping))
    return list(found)


def _parameter(point: Mapping[str, Any], name: str) -> Any:
    value = point.get(name)
    return "null" if value is None and name in point else value


def to_csv(rows: Rows) -> str:
    """The rows as CSV with a head, values as `nas.report.formats.exact` writes them."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(rows.columns)
    writer.writerows([exact(cell) for cell in row] for row in rows.cells)
    return buffer.getvalue()
