"""Running trials in this process: what is evaluated is a function of the point."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from nas.execution.executor import Job
from nas.execution.outcomes import Outcome, split_files
from nas.space import Point
from paretoparse.errors import describe_error


class MemoryExecutor:
    """Evaluates jobs one after the other, each when its outcome is asked for.

    Args:
        function: Point and trial number to metrics, see `nas.execution.outcomes.split_files`.
        objectives: The objectives' names.
    """

    def __init__(
        self, function: Callable[[Point, int], Mapping[str, Any]], objectives: Sequence[str]
    ) -> None:
        self._function = function
        self._objectives = objectives
        self._jobs: list[Job] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._jobs.clear()

    def submit(self, jobs: Sequence[Job]) -> None:
        """See `Executor.submit`."""
        self._jobs += jobs

    def ended(self) -> Iterator[tuple[int, Outcome]]:
        """See `Executor.ended`; evaluates one job."""
        if self._jobs:
            job = self._jobs.pop(0)
            yield job.number, self._evaluate(job)

    def _evaluate(self, job: Job) -> Outcome:
        try:
            metrics, files = split_files(self._function(job.point, job.number), self._objectives)
        except Exception as error:
            # As a job of its own process would: a failed trial, not the end of the search.
            return Outcome(error=describe_error(error))
        return Outcome(metrics, files)

    @property
    def running(self) -> int:
        """See `Executor.running`."""
        return len(self._jobs)

    def find(self, number: int) -> Outcome | None:
        """See `Executor.find`; nothing outlives the process."""
        return None

    def forget(self, number: int) -> None:
        """See `Executor.forget`; nothing is remembered."""
