"""A trial and its states."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from nas.space import Point
from nas.study.goals import Metric

REFERENCE, SOBOL, REPETITION = "reference", "sobol", "repetition"


class TrialState(StrEnum):
    """Where a trial stands.

    ::

                        job ended             measured
        RUNNING ────────────────► TRAINED ───────────────► COMPLETED
           │                        │  ▲                       ▲
           │ job failed      cannot │  │ measured again        │ job ended, and
           ▼           be measured  ▼  │                       │ nothing to measure
        FAILED                   UNMEASURED          RUNNING ──┘

    A trial is RUNNING from the moment it is proposed; whether its job has begun is for the executor to know.
    A search that goes on runs the jobs of RUNNING trials that left no outcome, and measures TRAINED and
    UNMEASURED trials. COMPLETED and FAILED are for good. A result that lacks an objective is FAILED.
    """

    RUNNING = "running"
    TRAINED = "trained"
    UNMEASURED = "unmeasured"
    COMPLETED = "completed"
    FAILED = "failed"


ENDED = (TrialState.COMPLETED, TrialState.FAILED, TrialState.UNMEASURED)


@dataclass(frozen=True)
class Trial:
    """One trial.

    Attributes:
        number: Its number, from 0; also its job's number, and what everything else knows it by.
        state: Where it stands.
        point: Parameter values, and other overrides for the reference.
        round: The round of proposals that it came from; 0 is the initial one. Of a repetition the number of
            the first one that was begun with it.
        origin: What proposed it: `reference`, `sobol` or a strategy's name.
        values: The objectives in their own units and directions; None unless completed.
        metrics: All that the job and the measurement returned.
        error: Why it failed, or why it could not be measured; None otherwise.
        seconds: Wall-clock time of its job.
        folder: Its job's folder; None before the job ended, and where there is none.
        files: Names to paths that the job returned for the measurement.
        attributes: What its strategy wants to find again, JSON-able.
        repeats: The trial that it repeats with another seed, to confirm it; None: it was proposed.
    """

    number: int
    state: TrialState
    point: Point
    round: int
    origin: str
    values: tuple[float, ...] | None = None
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    error: str | None = None
    seconds: float = 0.0
    folder: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    repeats: int | None = None


@dataclass(frozen=True)
class Proposal:
    """A point to try.

    Attributes:
        point: Parameter values.
        origin: What proposes it.
        attributes: What the strategy wants to find again in the trial, JSON-able.
    """

    point: Point
    origin: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Suggestion:
    """What a strategy answers.

    Attributes:
        proposals: The points; fewer than asked for if the space has no more.
        diagnostics: How well the surrogate was fitted, one JSON-able mapping an objective; for the report.
        state: What the strategy wants to find in the next history, JSON-able.
    """

    proposals: tuple[Proposal, ...]
    diagnostics: tuple[Mapping[str, Any], ...] = ()
    state: Any = None
