"""A study: a search's trials, their repetitions and notes, in memory; `nas.study.store` keeps one on disk."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from nas.space import Point, Space
from nas.study.goals import Goals, Metric
from nas.study.history import History
from nas.study.trials import REPETITION, Proposal, Suggestion, Trial, TrialState

_OPEN = (TrialState.RUNNING, TrialState.TRAINED)


class Study:
    """The trials of one search; whoever writes it is the only one who does.

    Repetitions share the numbers of the trials, which their jobs are known by, but not the history that
    strategies see: they are no proposals and cost no budget.

    Args:
        space: The search space.
        goals: The objectives and constraints.
        trials: Trials and repetitions so far, by number.
        fixed_reference: See `History.fixed_reference`.
        notes: What `note` has stored so far.
    """

    def __init__(
        self,
        space: Space,
        goals: Goals,
        *,
        trials: Sequence[Trial] = (),
        fixed_reference: tuple[float, ...] | None = None,
        notes: Mapping[str, Any] | None = None,
    ) -> None:
        self.space = space
        self.goals = goals
        self._fixed_reference = fixed_reference
        self._trials = list(trials)
        self._proposed: list[int] = []
        self._repetitions: list[int] = []
        self._notes = dict(notes or {})
        self._index: dict[Any, int] = {}
        self._history: History | None = None
        self._open: dict[int, TrialState] = {}
        for trial in self._trials:
            self._enter(trial)

    def _enter(self, trial: Trial) -> None:
        if trial.repeats is not None:
            self._repetitions.append(trial.number)
            return
        self._note_state(trial)
        if self.space.contains(trial.point):
            self._index.setdefault(self.space.key(trial.point), len(self._proposed))
        self._proposed.append(trial.number)

    def __len__(self) -> int:
        """How many trials have been proposed."""
        return len(self._proposed)

    def __getitem__(self, number: int) -> Trial:
        return self._trials[number]

    @property
    def history(self) -> History:
        """All that is known now; the same object until something changes."""
        if self._history is None:
            self._history = History(
                self.space,
                self.goals,
                tuple(self._trials[number] for number in self._proposed),
                self._fixed_reference,
                (self._notes.get("round") or {}).get("state"),
                self._index,
            )
        return self._history

    def open(self, *states: TrialState) -> list[Trial]:
        """The running and trained trials, or those in any of the states; does not grow with the study."""
        wanted = states or _OPEN
        return [self._trials[number] for number, state in self._open.items() if state in wanted]

    def _note_state(self, trial: Trial) -> None:
        if trial.state in _OPEN:
            self._open[trial.number] = trial.state
        else:
            self._open.pop(trial.number, None)

    @property
    def rounds(self) -> int:
        """How many rounds of proposals there have been."""
        return self._trials[self._proposed[-1]].round + 1 if self._proposed else 0

    @property
    def repetitions(self) -> list[Trial]:
        """All repetitions, whatever became of them, by number."""
        return [self._trials[number] for number in self._repetitions]

    def add(self, suggestion: Suggestion, *, seconds: float = 0.0) -> list[Trial]:
        """Adds a round of proposals as running trials; all of them survive, or none does.

        Args:
            suggestion: What a strategy answered.
            seconds: How long that took.
        """
        number = self.rounds
        self.note(
            "round",
            {
                "number": number,
                "first": len(self._trials),
                "proposals": [
                    {"point": dict(one.point), "origin": one.origin, "attributes": dict(one.attributes)}
                    for one in suggestion.proposals
                ],
                "diagnostics": [dict(one) for one in suggestion.diagnostics],
                "state": suggestion.state,
                "seconds": seconds,
            },
        )
        return self.finish_round()

    def finish_round(self) -> list[Trial]:
        """Adds what is missing of the last round: all of it, unless a search was killed on the way.

        Returns:
            The trials that were added.
        """
        last = self.noted("round")
        if last is None:
            return []
        added = []
        for offset, one in enumerate(last["proposals"]):
            if (number := last["first"] + offset) >= len(self._trials):
                proposal = Proposal(one["point"], one["origin"], one["attributes"])
                trial = Trial(
                    number,
                    TrialState.RUNNING,
                    proposal.point,
                    last["number"],
                    proposal.origin,
                    attributes=proposal.attributes,
                )
                self._append(trial)
                added.append(trial)
        key = str(last["number"])
        if key not in self.suggest_seconds:
            if last["diagnostics"]:
                self.note("diagnostics", {**self.diagnostics, key: last["diagnostics"]})
            self.note("suggest_seconds", {**self.suggest_seconds, key: last["seconds"]})
        self._history = None
        return added

    def _append(self, trial: Trial) -> None:
        self._create(trial)
        self._trials.append(trial)
        self._enter(trial)

    def repeat(self, points: Sequence[tuple[int, Point]], reason: Mapping[str, Any]) -> list[Trial]:
        """Adds repetitions of trials as running ones; all of them survive, or none does.

        Args:
            points: Pairs of a trial's number and its point with another seed.
            reason: What they are for, JSON-able; see `repeated_for`.
        """
        pairs = [[number, dict(point)] for number, point in points]
        self.note("repetitions", {"first": self.next_number, "points": pairs, "reason": dict(reason)})
        return self.finish_repetitions()

    def finish_repetitions(self) -> list[Trial]:
        """Adds what is missing of the last repetitions, as `finish_round` does of the last round."""
        last = self.noted("repetitions") or {"first": 0, "points": []}
        added = []
        for number, (repeats, point) in enumerate(last["points"], start=last["first"]):
            if number >= self.next_number:
                trial = Trial(number, TrialState.RUNNING, point, last["first"], REPETITION, repeats=repeats)
                self._append(trial)
                added.append(trial)
        return added

    @property
    def repeated_for(self) -> Mapping[str, Any] | None:
        """The reason of the last repetitions; None: there are none."""
        return (self.noted("repetitions") or {}).get("reason")

    @property
    def next_number(self) -> int:
        """The number of the next trial or repetition."""
        return len(self._trials)

    def trained(
        self,
        number: int,
        metrics: Mapping[str, Metric],
        *,
        seconds: float,
        folder: str | None = None,
        files: Mapping[str, str] | None = None,
    ) -> Trial:
        """Keeps what a job returned, for the measurement."""
        return self._replace(
            number,
            state=TrialState.TRAINED,
            metrics=dict(metrics),
            seconds=seconds,
            folder=folder,
            files=dict(files or {}),
            error=None,
        )

    def unmeasured(self, number: int, error: str) -> Trial:
        """Says that a trained trial could not be measured, and why."""
        return self._replace(number, state=TrialState.UNMEASURED, error=error)

    def complete(
        self,
        number: int,
        metrics: Mapping[str, Metric],
        *,
        seconds: float,
        folder: str | None = None,
        files: Mapping[str, str] | None = None,
    ) -> Trial:
        """Ends a trial with its result; a metric that is missing or not finite makes it a failed one.

        Args:
            number: The trial's.
            metrics: All of them.
            seconds: Wall-clock time of its job.
            folder: Its job's folder; None: as it was.
            files: What its job returned; None: as it was.
        """
        before = self._trials[number]
        refusal = self.goals.refusal(metrics)
        return self._replace(
            number,
            state=TrialState.COMPLETED if refusal is None else TrialState.FAILED,
            metrics=dict(metrics),
            values=self.goals.values(metrics) if refusal is None else None,
            error=refusal,
            seconds=seconds,
            folder=before.folder if folder is None else folder,
            files=before.files if files is None else dict(files),
        )

    def fail(self, number: int, error: str, *, seconds: float = 0.0, folder: str | None = None) -> Trial:
        """Ends a trial without a result."""
        return self._replace(number, state=TrialState.FAILED, error=error, seconds=seconds, folder=folder)

    def _replace(self, number: int, **changes: Any) -> Trial:
        trial = replace(self._trials[number], **changes)
        self._update(trial)
        self.session_goes_on()
        self._trials[number] = trial
        if trial.repeats is None:
            self._note_state(trial)
            self._history = None
        return trial

    @property
    def suggest_seconds(self) -> dict[str, float]:
        """Round (as text) to the time that proposing it took."""
        return dict(self._notes.get("suggest_seconds", {}))

    @property
    def times(self) -> dict[int, tuple[float, float]]:
        """When the trials that have ended were proposed and when they ended, in seconds of one clock.

        Nobody keeps that in memory, so there it is empty.
        """
        return {}

    @property
    def sessions(self) -> list[tuple[float, float]]:
        """From when to when processes worked on the search, in seconds of the clock of `times`."""
        return [(begin, end) for begin, end in self._notes.get("sessions", [])]

    def begin_session(self) -> None:
        """A process begins to work on the search."""
        now = time.time()
        self.note("sessions", [*self.sessions, (now, now)])

    def session_goes_on(self) -> None:
        """Says that the last session has lasted until now, as every change of a trial does by itself."""
        if sessions := self.sessions:
            *before, (begin, _) = sessions
            self.note("sessions", [*before, (begin, time.time())])

    @property
    def diagnostics(self) -> dict[str, list[dict[str, Any]]]:
        """Round (as text) to how well its surrogate was fitted, one mapping an objective."""
        return dict(self._notes.get("diagnostics", {}))

    def note(self, name: str, content: Any) -> None:
        """Stores something about the search as a whole, JSON-able."""
        self._notes[name] = content

    def noted(self, name: str) -> Any:
        """What `note` stored; None if nothing."""
        return self._notes.get(name)

    def _create(self, trial: Trial) -> None:
        """Stores a new trial; nothing to do in memory."""

    def _update(self, trial: Trial) -> None:
        """Stores a changed trial; nothing to do in memory."""
