"""What several cards and files say of a search: its front and its numbers."""

from collections.abc import Sequence
from dataclasses import replace

from nas.pareto import better_than, front, hypervolume
from nas.space import Array
from nas.study import REFERENCE, SOBOL, History, Study, Trial


def front_trials(history: History) -> list[Trial]:
    """The trials that keep all constraints and that no other such one dominates, by the first objective."""
    best = front(history.values(history.candidates))
    chosen = [trial for trial, kept in zip(history.candidates, best, strict=True) if kept]
    return sorted(chosen, key=lambda trial: trial.values or ())


def is_ratio(history: History, index: int) -> bool:
    """Whether an objective's values in `History.units` are ratios to the reference model's."""
    reference = history.metrics_of_reference()
    return reference is not None and float(reference[history.goals.names[index]] or 0) > 0


def point_below(history: History, trials: Sequence[Trial]) -> Array:
    """A point just below trials, as a search without a reference has it.

    Args:
        history: Of the search, or of one alike.
        trials: Trials, some of them completed.

    Returns:
        `m`, in the objectives' own units, all to be maximised.
    """
    others = [replace(trial, origin=SOBOL) if trial.origin == REFERENCE else trial for trial in trials]
    return History(history.space, history.goals, tuple(others)).reference


def summarise(study: Study) -> dict[str, float | None]:
    """The search in numbers, as metrics.json holds them.

    Returns:
        `trials_completed`, `trials_failed` (unmeasured ones included), `trials_better_than_reference`, whose
        results are better in every objective, by chance or not (None: there is no reference to beat; see
        `nas.report.findings` for what is likely), `hypervolume` of the trials that keep all
        constraints, in units of the reference, `bo_seconds` spent on proposing and `seconds` in all.
    """
    history = study.history
    values = history.values(history.candidates)
    volume, better = 0.0, None
    if history.has_reference:
        better = int(better_than(values, history.reference).sum())
    if history.completed:
        volume = hypervolume(values, history.reference)
    return {
        "trials_completed": len(history.completed),
        "trials_failed": len(history.failed),
        "trials_better_than_reference": better,
        "hypervolume": volume,
        "bo_seconds": sum(study.suggest_seconds.values()),
        "seconds": float(study.noted("seconds") or 0.0),
    }
