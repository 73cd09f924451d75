"""The loop of a search: propose, run, measure, record until the budget is spent; confirm. Knows no Hydra."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from nas.errors import SearchFailedError, SettingsError
from nas.execution import confirm
from nas.execution.executor import Executor, Job
from nas.execution.measurement import Measurement, Trained
from nas.execution.outcomes import Outcome
from nas.execution.proposer import Proposer
from nas.space import Point
from nas.strategy import Strategy
from nas.study.goals import Metric
from nas.study.study import Study
from nas.study.trials import ENDED, Trial, TrialState
from paretoparse.checks import SHARE, Range
from paretoparse.errors import describe_error

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """How a search goes about its budget.

    Attributes:
        budget: Trials in all, the reference included.
        initial: Size of the first round: the reference and Sobol points.
        batch_size: Trials proposed at once after that.
        open: Trials without a result at any time, at most: a round is proposed as soon as there is room for
            it. None: each round waits for the end of the one before.
        seed: Of all random choices of the search.
        max_failure_rate: The search ends when more than this share of the ended trials failed; 0 to 1.
        confirm: How many of the most promising trials are run again when the budget is spent, beside the
            reference; at least 0.
        repetitions: How often each of these is run again; at least 1.
        seed_key: The key of a point that gives a repetition its new seed; None: its number does.
    """

    budget: int = 24
    initial: int = 8
    batch_size: int = 8
    open: int | None = None
    seed: int = 0
    max_failure_rate: float = 0.5
    confirm: int = 0
    repetitions: int = 2
    seed_key: str | None = None

    def __post_init__(self) -> None:
        least = {"initial": 1, "batch_size": 1, "budget": self.initial, "confirm": 0, "repetitions": 1}
        if self.open is not None:
            least["open"] = max(self.initial, self.batch_size)
        for name, low in least.items():
            Range(low=low, whole=True).check(name, getattr(self, name), SettingsError)
        SHARE.check("max_failure_rate", self.max_failure_rate, SettingsError)

    def has_room(self, open_trials: int, size: int) -> bool:
        """Whether a round of that size may be proposed while so many trials are open."""
        return open_trials == 0 if self.open is None else open_trials + size <= self.open


class Events(Protocol):
    """Who wants to know how a search goes; called from the loop's own thread."""

    def proposed(self, trials: Sequence[Trial], seconds: float) -> None:
        """A round has been proposed, in so many seconds."""

    def changed(self, trial: Trial) -> None:
        """A trial's job has ended, or its measurement has."""

    def waiting(self, running: int) -> None:
        """So many jobs run; called now and then."""

    def round_ended(self) -> None:
        """Nothing is open."""

    def confirming(self, repetitions: Sequence[Trial]) -> None:
        """These repetitions are about to run; `changed` tells what becomes of them."""


class Quiet:
    """Tells nobody."""

    def proposed(self, trials: Sequence[Trial], seconds: float) -> None:
        """See `Events.proposed`."""

    def changed(self, trial: Trial) -> None:
        """See `Events.changed`."""

    def waiting(self, running: int) -> None:
        """See `Events.waiting`."""

    def round_ended(self) -> None:
        """See `Events.round_ended`."""

    def confirming(self, repetitions: Sequence[Trial]) -> None:
        """See `Events.confirming`."""


class Loop:
    """One process's work on a search.

    Args:
        study: Where everything is recorded.
        strategy: What proposes after the first round.
        executor: What runs jobs.
        plan: How many, when.
        measurement: What measures what jobs left, when none runs; None: jobs return everything.
        reference: The reference model's point, the first trial; None: there is none.
        first: What proposes the first round; None: a Sobol sequence.
        events: Who is told.
    """

    def __init__(
        self,
        study: Study,
        strategy: Strategy,
        executor: Executor,
        plan: Plan,
        *,
        measurement: Measurement | None = None,
        reference: Point | None = None,
        first: Strategy | None = None,
        events: Events | None = None,
    ) -> None:
        self.study = study
        self.executor = executor
        self.plan = plan
        self.measurement = measurement
        self.events = events or Quiet()
        self.proposer = Proposer(
            study, strategy, initial=plan.initial, seed=plan.seed, reference=reference, first=first
        )

    def run(self) -> None:
        """Works until the budget is spent, or the space is; then confirms what it found.

        Raises:
            NasError: If the search cannot go on; all that is known is in the study.
        """
        with self.executor:
            self._take_up()
            while True:
                if count := self._due():
                    if len(self.study):
                        self._round_ended()
                    self._propose(count)
                if not self.study.open():
                    break
                self._collect()
                if not self.study.open(TrialState.RUNNING):
                    self._measure(self.study.open(TrialState.TRAINED))
            self._round_ended()
            self._confirm()

    def _take_up(self) -> None:
        """Goes on where an earlier process stopped."""
        if done := self.study.history.of(*ENDED):
            logger.info("Going on with a search of which %d trials have ended.", len(done))
        self.study.finish_round()
        self.study.finish_repetitions()
        self._find(self.study.open(TrialState.RUNNING))
        self._measure(self.study.history.of(TrialState.TRAINED, TrialState.UNMEASURED))
        self._submit(self.study.open(TrialState.RUNNING))

    def _find(self, trials: Sequence[Trial]) -> None:
        """Records what jobs left in an earlier process."""
        for trial in trials:
            outcome = self.executor.find(trial.number)
            if outcome is not None:
                self._record(trial.number, outcome)

    def _confirm(self) -> None:
        """Runs the most promising trials and the reference again, and measures all of that side by side."""
        if not self.plan.confirm:
            return
        begun = confirm.begin(self.study, self.plan)
        if begun:
            self.events.confirming(begun)
        self._find(begun)
        self._submit(self._repetitions(TrialState.RUNNING))
        while self._repetitions(TrialState.RUNNING):
            self._collect()
        self._measure(self._repetitions(TrialState.TRAINED, TrialState.UNMEASURED))

    def _repetitions(self, *states: TrialState) -> list[Trial]:
        return [one for one in self.study.repetitions if one.state in states]

    def _due(self) -> int:
        """How many trials are to be proposed now."""
        if self.proposer.exhausted:
            return 0
        first = len(self.study) == 0
        size = min(self.plan.initial if first else self.plan.batch_size, self.plan.budget - len(self.study))
        return max(size, 0) if self.plan.has_room(len(self.study.open()), size) else 0

    def _submit(self, trials: Sequence[Trial]) -> None:
        jobs = [Job(trial.number, trial.point) for trial in trials]
        if jobs:
            self.executor.submit(jobs)

    def _propose(self, count: int) -> None:
        trials, seconds = self.proposer.propose(count)
        if trials:
            self.events.proposed(trials, seconds)
            self._submit(trials)

    def _collect(self) -> None:
        for number, outcome in self.executor.ended():
            self._record(number, outcome)
        self.events.waiting(self.executor.running)

    def _record(self, number: int, outcome: Outcome) -> None:
        study, seconds, folder = self.study, outcome.seconds, outcome.folder
        if outcome.error is not None:
            trial = study.fail(number, outcome.error, seconds=seconds, folder=folder)
        else:
            # Without a measurement this is all there is to know.
            keep = study.complete if self.measurement is None else study.trained
            trial = keep(number, outcome.metrics, seconds=seconds, folder=folder, files=outcome.files)
        self.events.changed(trial)

    def _measure(self, trials: Sequence[Trial]) -> None:
        if not trials or self.measurement is None:
            return
        for number, result in self.measurement.measure_batch(
            [Trained.of(trial) for trial in trials], self._control()
        ):
            self._record_measured(number, result)

    def _control(self) -> Trained | None:
        """The reference, whose files may have been left on another machine."""
        trial = self.study.history.reference_trial
        if trial is None or trial.folder is None:
            return None
        found = Trained.of(trial)
        return found if all(path.exists() for path in found.files.values()) else self._train_again(trial)

    def _train_again(self, trial: Trial) -> Trained:
        """Runs the job of a trial for its files alone.

        Raises:
            SearchFailedError: If it fails.
        """
        logger.warning(
            "The files of trial %d, %s, are gone: it is trained again, to be measured beside the others.",
            trial.number,
            trial.origin,
        )
        self.executor.forget(trial.number)
        self._submit([trial])
        ended: dict[int, Outcome] = {}
        while trial.number not in ended:
            ended |= dict(self.executor.ended())
        outcome = ended[trial.number]
        if outcome.error is not None:
            raise SearchFailedError(f"trial {trial.number} could not be trained again: {outcome.error}")
        return Trained.of(replace(trial, files=outcome.files, folder=outcome.folder))

    def _record_measured(self, number: int, result: Mapping[str, Metric] | Exception) -> None:
        if isinstance(result, Exception):
            # A search that goes on measures it again.
            logger.error("Trial %d could not be measured.", number, exc_info=result)
            trial = self.study.unmeasured(number, f"measurement: {describe_error(result)}")
        else:
            before = self.study[number]
            trial = self.study.complete(number, {**before.metrics, **result}, seconds=before.seconds)
        self.events.changed(trial)

    def _round_ended(self) -> None:
        self.events.round_ended()
        self._check_reference()
        self._check_failures()

    def _check_reference(self) -> None:
        history = self.study.history
        trial = history.reference_trial
        if trial is None:
            return
        if trial in history.failed:
            raise SearchFailedError(
                f"the reference model failed, so nothing can be compared with it: {trial.error}"
            )
        if trial.values is not None and min(trial.values) <= 0 and trial.round == self.study.rounds - 1:
            logger.warning(
                "The reference model's objectives are %s: only positive ones normalise.", trial.values
            )

    def _check_failures(self) -> None:
        ended, failed = self.study.history.of(*ENDED), self.study.history.failed
        if len(failed) > self.plan.max_failure_rate * len(ended):
            raise SearchFailedError(
                f"{len(failed)} of {len(ended)} trials failed, more than max_failure_rate="
                f"{self.plan.max_failure_rate:g} allows; the last error: {failed[-1].error}"
            )
