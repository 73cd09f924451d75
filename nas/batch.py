"""Runs the jobs of a batch through a Hydra launcher and records each one as it ends."""

import logging
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher

from nas.errors import JobError
from nas.job import (
    Outcome,
    describe_error,
    forget_start,
    has_started,
    plain_metrics,
    read_outcome,
    write_outcome,
)

POLL_SECONDS = 0.5

logger = logging.getLogger(__name__)


class BatchRunner:
    """Runs jobs and survives what happens to them.

    Args:
        launcher: A Hydra launcher, set up with a `RecordedTask`.
        token: The study's token, which marks its outcomes.
        max_retries: How often a job that vanished without an outcome is started again, alone.
        ended: Called with number and outcome as soon as a job has ended, from another thread.
        running: Called now and then with how many jobs are running, from another thread.
    """

    def __init__(
        self,
        launcher: Launcher,
        token: str,
        *,
        max_retries: int,
        ended: Callable[[int, Outcome], None],
        running: Callable[[int], None],
    ) -> None:
        self.returns: list[Sequence[JobReturn]] = []
        self._launcher = launcher
        self._token = token
        self._max_retries = max_retries
        self._ended = ended
        self._running = running

    def run(
        self, numbers: Sequence[int], overrides: Mapping[int, list[str]], directories: Mapping[int, Path]
    ) -> None:
        """Runs jobs until each has an outcome.

        Launchers number jobs contiguously. So the jobs between the wanted ones are launched with them: they
        ended before, and a `RecordedTask` that has an outcome returns it at once.

        Args:
            numbers: The jobs to run, ascending.
            overrides: Overrides of all jobs from the first to the last of `numbers`.
            directories: Folders of the same jobs.
        """
        attempts: Counter[int] = Counter()
        groups = [list(numbers)]
        while groups:
            group = groups.pop(0)
            reason = self._launch(group, overrides, directories)
            lost = [n for n in group if read_outcome(directories[n], self._token) is None]
            # Whoever had begun may be the one that broke the launcher; the others never got a turn.
            suspects = [n for n in lost if has_started(directories[n])] or lost
            attempts.update(suspects)
            for number in suspects:
                if attempts[number] > self._max_retries:
                    self._give_up(number, directories[number], reason)
                else:
                    logger.warning("Job %d was lost (%s): it is started again, alone.", number, reason)
                    groups.append([number])
            if untried := [n for n in lost if n not in suspects]:
                groups.insert(0, untried)

    def _give_up(self, number: int, directory: Path, reason: str) -> None:
        outcome = Outcome(self._token, error=f"the job was lost: {reason}")
        try:
            directory.mkdir(parents=True, exist_ok=True)
            write_outcome(directory, outcome)
        except OSError as error:
            logger.warning("The outcome of job %d is only in the study, not in its folder: %s", number, error)
        self._ended(number, outcome)

    def _launch(
        self, group: list[int], overrides: Mapping[int, list[str]], directories: Mapping[int, Path]
    ) -> str:
        """Launches the jobs and returns why those without an outcome have none."""
        for number in group:
            forget_start(directories[number])
        jobs = range(group[0], group[-1] + 1)
        watcher = _Watcher(group, directories, self._token, self._ended, self._running)
        reason = "the launcher returned without a result"
        returns: Sequence[JobReturn] = []
        watcher.start()
        try:
            returns = self._launcher.launch([overrides[n] for n in jobs], initial_job_idx=jobs.start)
        except Exception as error:
            # A launcher may raise anything, and the jobs that ended before are safe on disk.
            reason = _launcher_error(error)
            logger.warning("The launcher stopped: %s", reason)
        finally:
            watcher.stop()
        self.returns.append(returns)
        for number, returned in zip(jobs, returns, strict=False):
            self._rescue(number, returned, directories[number], wanted=number in group)
        watcher.collect()
        self._running(0)
        return reason

    def _rescue(self, number: int, returned: JobReturn, directory: Path, *, wanted: bool) -> None:
        """Records a returned job that could not write its outcome, as on a full disk."""
        if not wanted or read_outcome(directory, self._token) is not None:
            return
        if returned.status is JobStatus.COMPLETED:
            try:
                outcome = Outcome(self._token, plain_metrics(returned.return_value))
            except JobError as error:
                outcome = Outcome(self._token, error=describe_error(error))
        elif returned.status is JobStatus.FAILED:
            # Reading `return_value` of a failed job raises; the exception itself is kept here.
            outcome = Outcome(self._token, error=describe_error(returned._return_value))
        else:
            return
        try:
            write_outcome(directory, outcome)
        except OSError:
            self._give_up(number, directory, outcome.error or "its outcome could not be written")


def _launcher_error(error: Exception) -> str:
    # loky tells in one line of many how its workers ended.
    codes = re.search(r"exit codes of the workers are \{(.+)\}", str(error))
    if codes is not None:
        return f"a worker was killed ({codes[1]}), perhaps for lack of memory"
    return describe_error(error)


class _Watcher:
    """Polls the folders of running jobs, as launchers tell nothing until the whole batch is over."""

    def __init__(
        self,
        numbers: Sequence[int],
        directories: Mapping[int, Path],
        token: str,
        ended: Callable[[int, Outcome], None],
        running: Callable[[int], None],
    ) -> None:
        self._open = list(numbers)
        self._directories = directories
        self._token = token
        self._ended = ended
        self._running = running
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def collect(self) -> None:
        """Reports the jobs that have ended since the last call."""
        for number in list(self._open):
            outcome = read_outcome(self._directories[number], self._token)
            if outcome is not None:
                self._ended(number, outcome)
                self._open.remove(number)

    def _watch(self) -> None:
        try:
            while not self._stop.wait(POLL_SECONDS):
                self.collect()
                self._running(sum(has_started(self._directories[number]) for number in self._open))
        except Exception as error:
            # What cannot be recorded now, as on a full disk, is recorded or raised when the launcher returns.
            logger.warning("Jobs are no longer recorded as they end: %s", describe_error(error))
