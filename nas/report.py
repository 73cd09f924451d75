"""Tables of a search, from its study alone: `python -m nas.report study=DIR`."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from nas.errors import ReportError
from nas.job import write_json, write_text
from nas.pareto import better_than, front, hypervolume
from nas.study import Study, Trial, TrialState, open_study
from paretoparse.arguments import read_pairs
from paretoparse.cli import plain_main
from paretoparse.console import new_console
from paretoparse.errors import UsageError


def write_tables(study: Study, directory: Path) -> None:
    """Writes `trials.csv`, one row a trial, and `pareto.csv`, the non-dominated ones sorted by the first
    objective.
    """
    trials = study.trials()
    write_text(directory / "trials.csv", _table(study, trials))
    write_text(directory / "pareto.csv", _table(study, pareto_trials(study)))


def pareto_trials(study: Study) -> list[Trial]:
    """The trials that no other one dominates, sorted by the first objective."""
    completed = study.trials(TrialState.COMPLETED)
    chosen = [t for t, best in zip(completed, front(study.to_maximise(completed)), strict=True) if best]
    return sorted(chosen, key=lambda trial: trial.values or ())


def summary(study: Study, seconds: float) -> dict[str, float]:
    """The search in numbers: `trials_completed`, `hypervolume` and their like.

    Args:
        study: The study.
        seconds: Wall-clock time of the search.
    """
    completed = study.trials(TrialState.COMPLETED)
    failed = study.trials(TrialState.FAILED, TrialState.UNMEASURED)
    objectives = study.to_maximise(completed)
    reference = study.reference_point() if completed else None
    return {
        "trials_completed": len(completed),
        "trials_failed": len(failed),
        "trials_better_than_reference": 0
        if reference is None
        else int(better_than(objectives, reference).sum()),
        "hypervolume": 0.0 if reference is None else hypervolume(objectives, reference),
        "bo_seconds": sum(study.suggest_seconds().values()),
        "seconds": seconds,
    }


def write_metrics(study: Study, directory: Path, seconds: float) -> None:
    """Adds this run's seconds to those of earlier ones in the study and writes `metrics.json`."""
    total = float(study.noted("seconds") or 0.0) + seconds
    study.note("seconds", total)
    write_json(directory / "metrics.json", summary(study, total))


def print_front(study: Study) -> None:
    """Prints the front and the summary."""
    console = new_console()
    trials = pareto_trials(study)
    metrics = summary(study, float(study.noted("seconds") or 0.0))
    # A parameter that all of the front share says nothing about the trade-off, and 24 columns fit no
    # terminal.
    table = Table(title="Pareto front")
    for name in ("trial", "origin", *study.objectives, *(f"{name} / ref" for name in study.objectives)):
        table.add_column(name, justify="right")
    for trial, scaled in zip(trials, study.to_maximise(trials) * study.signs(), strict=True):
        values = [f"{value:.4g}" for value in (*(trial.values or ()), *scaled)]
        table.add_row(str(trial.number), trial.origin, *values)
    console.print(table)
    console.print(
        f"{metrics['trials_completed']} trials completed, {metrics['trials_failed']} failed; "
        f"{metrics['trials_better_than_reference']} beat the reference in both objectives; "
        f"hypervolume {metrics['hypervolume']:.4g}."
    )
    console.print_json(json.dumps(metrics))


def _table(study: Study, trials: Sequence[Trial]) -> str:
    names = list(
        dict.fromkeys([*study.parameter_names, *(name for trial in study.trials() for name in trial.point)])
    )
    objectives = list(study.objectives)
    known = {name for trial in study.trials() for name in trial.metrics}
    intervals = [
        f"{name}_{end}" for name in objectives for end in ("low", "high") if f"{name}_{end}" in known
    ]
    fixed = {name: entry["value"] for name, entry in study.description.items() if entry["type"] == "fixed"}
    header = ["number", "state", "batch", "origin", *names, *objectives, *intervals, "seconds", "error"]
    rows = [
        [
            *(trial.number, trial.state, trial.batch, trial.origin),
            *_values(fixed | trial.point, names),
            *(trial.values or [None] * len(objectives)),
            *_values(trial.metrics, intervals),
            *(round(trial.seconds, 3), trial.error),
        ]
        for trial in trials
    ]
    return _csv(header, rows)


def _values(mapping: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    return [mapping.get(name) for name in names]


def _csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue()


def study_directory(arguments: Sequence[str]) -> Path:
    """The folder in `study=DIR`.

    Raises:
        ReportError: If there is no such argument, or another one.
    """
    try:
        return Path(read_pairs(arguments, ["study"])["study"])
    except (UsageError, KeyError) as error:
        raise ReportError("write study=DIR, with the folder of a search, and nothing else.") from error


def main(arguments: Sequence[str]) -> None:
    """Writes a search's tables anew and prints its front."""
    directory = study_directory(arguments)
    study = open_study(directory)
    write_tables(study, directory)
    write_metrics(study, directory, 0.0)
    if study.trials(TrialState.COMPLETED):
        print_front(study)
    if study.diagnostics():
        # Slow to import, and most reports do without.
        from nas.surrogate.diagnostics import diagnostics_table

        new_console().print(diagnostics_table(study.diagnostics()))


if __name__ == "__main__":
    plain_main(main, __doc__)
