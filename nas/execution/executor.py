"""What runs jobs, seen from the loop."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from nas.execution.outcomes import Outcome
from nas.space import Point


@dataclass(frozen=True)
class Job:
    """A trial to run.

    Attributes:
        number: The trial's number.
        point: Its parameter values.
    """

    number: int
    point: Point


class Executor(AbstractContextManager["Executor"], Protocol):
    """Runs jobs; leaving its context stops what still runs."""

    def submit(self, jobs: Sequence[Job]) -> None:
        """Takes jobs to run and returns at once.

        Raises:
            NasError: If they cannot be run as they are; then none of them is.
        """

    def ended(self) -> Iterator[tuple[int, Outcome]]:
        """Waits for a while, and gives the numbers and outcomes of jobs that have ended since the last call.

        A job ends once, whatever happens to it: what was lost has an outcome with an error.
        """

    @property
    def running(self) -> int:
        """How many jobs run now."""

    def find(self, number: int) -> Outcome | None:
        """The outcome that a job left in an earlier process; None if there is none."""

    def forget(self, number: int) -> None:
        """Takes back that a job has ended, so that it can be submitted again."""
