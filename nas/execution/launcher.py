"""Running jobs through a Hydra launcher, whatever happens to them."""

import logging
import re
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from omegaconf.errors import OmegaConfBaseException

from nas.errors import JobError
from nas.execution.executor import Job
from nas.execution.folders import Folders
from nas.execution.outcomes import Outcome, Outcomes, split_files
from nas.space import Point
from paretoparse.errors import describe_error

POLL_SECONDS = 0.5
# A job that was begun so many times more than it may be retried, by whatever processes, has itself to blame.
_PATIENCE = 2

logger = logging.getLogger(__name__)


class LauncherExecutor:
    """Hands jobs to a Hydra launcher in groups of consecutive numbers, and reads their outcomes.

    A launcher blocks until its group is over. So it is called from a thread of its own, except the basic one,
    which runs jobs in this very process: it gets one job at a time, in this thread.

    Args:
        launcher: Set up with a `RecordedTask`.
        outcomes: Where jobs leave their outcomes.
        overrides: A point as the overrides of its job.
        folders: What knows where jobs would write.
        objectives: The objectives' names.
        max_retries: How often a job that vanished without an outcome is started again, alone.
    """

    def __init__(
        self,
        launcher: Launcher,
        outcomes: Outcomes,
        overrides: Callable[[Point], list[str]],
        folders: Folders,
        *,
        objectives: Sequence[str],
        max_retries: int,
    ) -> None:
        self.returns: list[Sequence[JobReturn]] = []
        self._launcher = launcher
        self._outcomes = outcomes
        self._overrides = overrides
        self._folders = folders
        self._objectives = objectives
        self._max_retries = max_retries
        self._jobs: dict[int, list[str]] = {}
        self._groups: list[list[int]] = []
        self._attempts: Counter[int] = Counter()
        self._launch: _Launch | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops the workers of a search that ends early."""
        if self._launch is not None:
            self._launch.abandon()

    def submit(self, jobs: Sequence[Job]) -> None:
        """See `Executor.submit`.

        Raises:
            SettingsError: If a job's configuration cannot be composed, or two jobs would share a folder.
        """
        overrides = {job.number: self._overrides(job.point) for job in jobs}
        self._folders.check(overrides)
        self._jobs |= overrides
        self._groups += consecutive(sorted(overrides))

    @property
    def running(self) -> int:
        """See `Executor.running`."""
        return 0 if self._launch is None else self._launch.running()

    def find(self, number: int) -> Outcome | None:
        """See `Executor.find`."""
        outcome = self._outcomes.read(number)
        if outcome is None and (starts := self._outcomes.starts(number)) > self._max_retries + _PATIENCE:
            return Outcome(error=f"the job was begun {starts} times and each time ended without a word.")
        return outcome

    def forget(self, number: int) -> None:
        """See `Executor.forget`."""
        self._outcomes.forget(number)

    def ended(self) -> Iterator[tuple[int, Outcome]]:
        """See `Executor.ended`."""
        if self._launch is None:
            if not self._groups:
                return
            self._launch = self._start()
        over = self._launch.wait(POLL_SECONDS)
        yield from self._collect(self._launch)
        if over:
            launch, self._launch = self._launch, None
            yield from self._clear_up(launch)

    def _start(self) -> "_Launch":
        group = self._groups.pop(0)
        if is_serial(self._launcher) and len(group) > 1:
            self._groups.insert(0, group[1:])
            group = group[:1]
        self._outcomes.folder.mkdir(parents=True, exist_ok=True)
        launch = _Launch(self._launcher, {number: self._jobs[number] for number in group}, self._outcomes)
        launch.start()
        return launch

    def _collect(self, launch: "_Launch") -> Iterator[tuple[int, Outcome]]:
        for number, outcome in launch.new_outcomes():
            del self._jobs[number]
            yield number, outcome

    def _clear_up(self, launch: "_Launch") -> Iterator[tuple[int, Outcome]]:
        """Deals with the jobs of a launch that is over and left no outcome."""
        self.returns.append(launch.returns)
        for number in launch.open:
            outcome = self._rescue(number, launch) or self._impossible(number, launch)
            if outcome is not None:
                yield self._end(number, outcome)
        # Whoever had begun may be the one that broke the launcher; the others never got a turn.
        lost = [number for number in launch.open if number in self._jobs]
        suspects = [number for number in lost if launch.has_begun(number)] or lost
        self._attempts.update(suspects)
        for number in suspects:
            if self._attempts[number] > self._max_retries:
                yield self._end(number, Outcome(error=f"the job was lost: {launch.reason}"))
            else:
                logger.warning("Job %d was lost (%s): it is started again, alone.", number, launch.reason)
                self._groups.append([number])
        if untried := [number for number in lost if number not in suspects]:
            self._groups[:0] = consecutive(untried)

    def _end(self, number: int, outcome: Outcome) -> tuple[int, Outcome]:
        del self._jobs[number]
        try:
            self._outcomes.write(number, outcome)
        except OSError as error:
            logger.warning("The outcome of job %d is only in the study, not in its file: %s", number, error)
        return number, outcome

    def _rescue(self, number: int, launch: "_Launch") -> Outcome | None:
        """The outcome of a job that was returned but could not write it, as on a full disk."""
        returned = launch.returned(number)
        if returned is None or returned.status is JobStatus.UNKNOWN:
            return None
        # Reading `return_value` of a failed job raises; the exception itself is kept here.
        value = returned._return_value
        if returned.status is JobStatus.FAILED:
            return Outcome(error=describe_error(value))
        try:
            return Outcome(*split_files(value, self._objectives))
        except JobError as error:
            return Outcome(error=describe_error(error))

    def _impossible(self, number: int, launch: "_Launch") -> Outcome | None:
        """The error of a job whose configuration does not compose, which stops the launcher for all."""
        if not isinstance(launch.error, HydraException | OmegaConfBaseException):
            return None
        try:
            self._folders.compose(number, self._jobs[number])
        except (HydraException, OmegaConfBaseException) as error:
            return Outcome(error=describe_error(error))
        return None


def is_serial(launcher: Launcher) -> bool:
    """Whether it is Hydra's basic launcher; by name, since a scan for plugins may load the class anew."""
    return type(launcher).__name__ == BasicLauncher.__name__


def consecutive(numbers: Sequence[int]) -> list[list[int]]:
    """Ascending numbers, divided into runs without gaps."""
    groups: list[list[int]] = []
    for number in numbers:
        if groups and groups[-1][-1] == number - 1:
            groups[-1].append(number)
        else:
            groups.append([number])
    return groups


class _Launch:
    """One call of a launcher, for jobs with consecutive numbers."""

    def __init__(self, launcher: Launcher, jobs: Mapping[int, list[str]], outcomes: Outcomes) -> None:
        self.open = list(jobs)
        self.returns: Sequence[JobReturn] = []
        self.error: BaseException | None = None
        self._launcher = launcher
        self._jobs = jobs
        self._outcomes = outcomes
        self._starts = {number: outcomes.starts(number) for number in jobs}
        # A process that is told to stop must not wait for this thread.
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        if is_serial(self._launcher):
            self._run()
        else:
            self._thread.start()

    def _run(self) -> None:
        # loky replaces a worker that has grown by 300 MB, as trainings make it, and no job is lost.
        warnings.filterwarnings("ignore", "A worker stopped while some jobs were given to the executor")
        try:
            self.returns = self._launcher.launch(list(self._jobs.values()), initial_job_idx=min(self._jobs))
        except BaseException as error:
            # A launcher may raise anything, and the jobs that ended before are safe on disk. In the main
            # thread a KeyboardInterrupt is the user's, in the other one a worker's that was told to stop.
            if not isinstance(error, Exception) and threading.current_thread() is not self._thread:
                raise
            self.error = error
            logger.warning("The launcher stopped: %s", self.reason)

    def wait(self, seconds: float) -> bool:
        """Whether it is over, after so long at most."""
        if self._thread.ident is not None:
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def new_outcomes(self) -> Iterator[tuple[int, Outcome]]:
        there = {path.stem for path in Path(self._outcomes.folder).glob("*.json")}
        for number in [number for number in self.open if str(number) in there]:
            outcome = self._outcomes.read(number)
            if outcome is not None:
                self.open.remove(number)
                yield number, outcome

    def running(self) -> int:
        return sum(self.has_begun(number) for number in self.open)

    def has_begun(self, number: int) -> bool:
        return self._outcomes.starts(number) > self._starts[number]

    def returned(self, number: int) -> JobReturn | None:
        return dict(zip(self._jobs, self.returns, strict=False)).get(number)

    @property
    def reason(self) -> str:
        """Why jobs without an outcome have none."""
        if self.error is None:
            return "the launcher returned without a result"
        # loky tells in one line of many how its workers ended.
        codes = re.search(r"exit codes of the workers are \{(.+)\}", str(self.error))
        if codes is not None:
            return f"a worker was killed ({codes[1]}), perhaps for lack of memory"
        return describe_error(self.error)

    def abandon(self) -> None:
        """Ends the workers, as far as this process knows of them."""
        if self._thread.is_alive() and "joblib.externals.loky" in sys.modules:
            loky = sys.modules["joblib.externals.loky"]
            loky.get_reusable_executor().shutdown(wait=False, kill_workers=True)
            for number in self.open:
                if self.has_begun(number):
                    self._outcomes.forget_start(number)
