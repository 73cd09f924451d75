"""What every `nas.execution.executor.Executor` keeps to."""

import time
from collections.abc import Callable, Mapping

import pytest

from nas.execution.executor import Executor, Job
from nas.execution.outcomes import Outcome
from nas.study import Metric

Task = Callable[[int], Mapping[str, Metric]]


def task(number: int) -> Mapping[str, Metric]:
    """What the jobs of a contract do: number 2 fails, number 3 is slow."""
    if number == 2:
        raise ValueError("the layers do not fit")
    if number == 3:
        time.sleep(0.5)
    return {"gain": float(number), "cost": 1.0}


class ExecutorContract:
    """Subclass it and override the fixture `executor`: one that runs `task` with the job's number.

    Attributes:
        patience: Seconds after which an executor counts as stuck.
    """

    patience = 60.0

    @pytest.fixture
    def executor(self) -> Executor:
        """The executor under test, not entered yet."""
        raise NotImplementedError("override the fixture executor")

    def collect(self, executor: Executor, count: int) -> dict[int, Outcome]:
        """Waits for so many jobs, each of which must end once."""
        found: dict[int, Outcome] = {}
        deadline = time.monotonic() + self.patience
        while len(found) < count and time.monotonic() < deadline:
            for number, outcome in executor.ended():
                assert number not in found, "a job ends once"
                found[number] = outcome
        assert len(found) == count, f"only {sorted(found)} ended"
        return found

    def test_every_job_ends_with_its_own_outcome(self, executor: Executor) -> None:
        """Failed ones too, and numbers need not be consecutive."""
        numbers = [0, 1, 2, 3, 7]
        with executor:
            executor.submit([Job(number, {"n": number}) for number in numbers])
            found = self.collect(executor, len(numbers))
            assert executor.running == 0
            assert list(executor.ended()) == []
        for number in (0, 1, 3, 7):
            assert found[number].error is None
            assert found[number].metrics["gain"] == number
        assert found[2].error == "ValueError: the layers do not fit"

    def test_more_jobs_may_follow(self, executor: Executor) -> None:
        """Also while others run."""
        with executor:
            executor.submit([Job(3, {"n": 3}), Job(4, {"n": 4})])
            executor.submit([Job(5, {"n": 5})])
            assert set(self.collect(executor, 3)) == {3, 4, 5}
            executor.submit([Job(6, {"n": 6})])
            assert set(self.collect(executor, 1)) == {6}

    def test_leaving_does_not_wait_for_jobs(self, executor: Executor) -> None:
        """What has not begun never does."""
        with executor:
            executor.submit([Job(number, {"n": number}) for number in (3, 13, 23)])
