"""From the folders of searches to the runs of the table."""

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from nas.benchmark.nlu24.data import EXACT_MATCH, OBJECTIVES, SECONDS, BenchmarkError
from nas.benchmark.nlu24.table import Run, mean, pass_name, split_of
from nas.report.arguments import titles
from nas.report.sides import strategy_of
from nas.space import Point, Space, difference, tell
from nas.strategy.failures import find_diverged
from nas.study import REFERENCE, Trial, TrialState, is_finite
from nas.study.store import StoredStudy, open_study
from paretoparse.arguments import TEXT

# What is certain of a metric that was written as a 32-bit float.
_DIGITS = 7
# What a measurement says of where latencies are from.
_MACHINE = ("device_model", "runner", "runtime")
_ERROR = re.compile(r"(\w+): ")


@dataclass(frozen=True)
class Collected:
    """The runs of several studies.

    Attributes:
        space: The studies' space.
        runs: All that ended, study by study.
        reference: The reference model's point.
        settings: What the studies' results depend on: the task's configuration, how was measured, and where.
        studies: What is known of each study.
    """

    space: Space
    runs: list[Run]
    reference: Point
    settings: Mapping[str, Any]
    studies: tuple[Mapping[str, Any], ...]

    @property
    def epochs(self) -> int:
        """The passes over the training data of a run that did not stop early."""
        return _passes(self.runs)

    @property
    def by_pass(self) -> bool:
        """Whether the exact match after each pass is known of all runs that have one."""
        names = {pass_name(number) for number in range(1, self.epochs + 1)}
        return len(names) > 1 and all(names <= run.metrics.keys() for run in self.runs if run.failure is None)

    @property
    def reference_point(self) -> tuple[float, float]:
        """Means of the reference model's trainings and measurements."""
        key = self.space.key(self.reference)
        runs = [run for run in self.runs if run.succeeded and self.space.key(run.point) == key]
        exact_match, latency = (mean(self.space, runs, name) or 0.0 for name in OBJECTIVES)
        return exact_match, latency


def collect(folders: Sequence[Path]) -> Collected:
    """Reads the studies of one benchmark.

    Args:
        folders: Of the searches.

    Raises:
        BenchmarkError: If they are not searches for the same thing, or have no reference model.
        StudyError: If one of them cannot be read.
    """
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise BenchmarkError("a study is given twice; name each folder once.")
    studies = {name: open_study(folder) for name, folder in zip(titles(folders), folders, strict=True)}
    first = next(iter(studies.values()))
    space, settings = first.space, _settings(first)
    for name, study in studies.items():
        _check(name, study, first, settings)
    runs: list[Run] = []
    described = []
    for name, study in studies.items():
        # Studies that share their first trials, one's database having been copied, tell of them once.
        known = {result(space, run) for run in runs}
        own = [run for run in _runs(name, study) if result(space, run) not in known]
        runs += own
        described.append(
            {
                "name": name,
                "strategy": strategy_of(study),
                "search_seed": study.definition["seed"],
                "runs": len(own),
                "repetitions": sum(run.repeats is not None for run in own),
                "failed": sum(run.failure is not None for run in own),
                "diverged": sum(run.diverged for run in own),
            }
        )
    passes = _passes(runs)
    runs = [_filled(run, passes) for run in runs]
    reference = {name: first.definition["reference"][name] for name in space.names}
    return Collected(space, runs, reference, settings, tuple(described))


def _passes(runs: Sequence[Run]) -> int:
    """The passes of a run that did not stop early."""
    return max((int(run.metrics.get("epochs", 1)) for run in runs), default=1)


def _check(name: str, study: StoredStudy, first: StoredStudy, settings: Mapping[str, Any]) -> None:
    same = {"space": first.space.describe(), "reference": first.definition["reference"]}
    own = {"space": study.space.describe(), "reference": study.definition["reference"]}
    if lines := difference(same, own) + difference(settings, _settings(study), absent_is_off=True):
        raise BenchmarkError(
            f"{name} is not a study of the same benchmark as the first one; leave it out: {tell(lines)}"
        )
    reference = study.history.reference_trial
    if reference is None or reference.values is None:
        raise BenchmarkError(f"the reference model of {name} has no result; the benchmark needs one.")
    if not study.space.contains(reference.point):
        raise BenchmarkError(f"the reference model of {name} lies outside of its space; widen the space.")


def _settings(study: StoredStudy) -> dict[str, Any]:
    """What results depend on, without seeds and without the paths of a machine."""
    settings = study.definition["settings"]
    configuration = dict(settings.get("configuration") or {})
    configuration.pop("seed", None)
    reference = study.history.reference_trial
    metrics = reference.metrics if reference is not None else {}
    return {
        "configuration": _portable(configuration),
        "measure": _portable(settings.get("measure") or {}),
        "machine": {name: metrics[name] for name in _MACHINE if name in metrics},
    }


def _portable(tree: Any) -> Any:
    if isinstance(tree, Mapping):
        return {key: _portable(value) for key, value in tree.items() if key not in TEXT or value is None}
    return tree


def _runs(name: str, study: StoredStudy) -> list[Run]:
    trials = [
        trial
        for trial in (*study.history.trials, *study.repetitions)
        if trial.state in (TrialState.COMPLETED, TrialState.FAILED) and study.space.contains(trial.point)
    ]
    seed = (study.definition["settings"].get("configuration") or {}).get("seed")
    runs = []
    for trial in trials:
        point = {key: trial.point[key] for key in study.space.names if key in trial.point}
        failed = trial.state is TrialState.FAILED
        runs.append(
            Run(
                study=name,
                strategy=strategy_of(study),
                search_seed=study.definition["seed"],
                number=trial.number,
                origin=trial.origin,
                point=point,
                split=split_of(study.space, point),
                metrics=_metrics(trial, name),
                training_seed=trial.point.get("seed", seed),  # type: ignore[arg-type]
                repeats=trial.repeats,
                failure=_failure(trial) if failed else None,
            )
        )
    return _marked(study.space, runs)


def result(space: Space, run: Run) -> Hashable:
    """What tells a run from others: its point and all that is known of it."""
    return space.key(run.point), *sorted(run.metrics.items())


def _metrics(trial: Trial, study: str) -> dict[str, float]:
    """The numbers among a trial's metrics, with the exact match by pass."""
    if trial.state is TrialState.FAILED:
        return {SECONDS: round(trial.seconds, 3)} if trial.seconds else {}
    for name in OBJECTIVES:
        if not is_finite(trial.metrics.get(name)):
            raise BenchmarkError(f"trial {trial.number} of {study} has no {name}, an objective of NLU24.")
    found = {SECONDS: trial.seconds, **trial.metrics}
    return {name: _rounded(value) for name, value in found.items() if is_finite(value)}


def _rounded(value: Any) -> float:
    return value if isinstance(value, int) else float(f"{value:.{_DIGITS}g}")


def _filled(run: Run, passes: int) -> Run:
    """The run with the final exact match after the passes that were not needed any more."""
    known = [k for k in range(1, passes + 1) if pass_name(k) in run.metrics]
    if not known:
        return run
    final = run.metrics[EXACT_MATCH]
    later = {pass_name(k): final for k in range(known[-1] + 1, passes + 1)}
    return replace(run, metrics={**run.metrics, **later, pass_name(passes): final})


def _failure(trial: Trial) -> str:
    """The kind of error alone: messages may have a machine's paths."""
    found = _ERROR.match(trial.error or "")
    return found[1] if found else "no result"


def _marked(space: Space, runs: list[Run]) -> list[Run]:
    """The runs of one study, those that diverged marked as its strategy would tell them."""
    ended = [index for index, run in enumerate(runs) if run.failure is None]
    X = torch.from_numpy(space.encode([runs[index].point for index in ended]))
    Y = torch.tensor([[runs[index].metrics[EXACT_MATCH]] for index in ended], dtype=torch.float64)
    marked = list(runs)
    for index, diverged in zip(ended, find_diverged(X, Y), strict=True):
        marked[index] = replace(runs[index], diverged=bool(diverged) and runs[index].origin != REFERENCE)
    return marked
