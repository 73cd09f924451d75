"""The executor over Hydra's launchers, and over launchers that misbehave."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import ConfigCompositionException

from nas.execution.executor import Job
from nas.execution.launcher import LauncherExecutor, consecutive
from nas.execution.outcomes import Outcome, Outcomes

Behave = Callable[[int, Outcomes], JobReturn | None]


class Folders:
    """Knows one job that does not compose."""

    impossible = -1

    def check(self, jobs: Mapping[int, Sequence[str]]) -> None:
        pass

    def compose(self, number: int, overrides: Sequence[str]) -> Path:
        if number == self.impossible:
            raise ConfigCompositionException("Could not find 'model/huge'")
        return Path()


class ScriptedLauncher:
    """A launcher whose jobs behave as a function of their number."""

    def __init__(self, outcomes: Outcomes, behave: Behave) -> None:
        self.outcomes = outcomes
        self.behave = behave
        self.launched: list[list[int]] = []

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
        numbers = list(range(initial_job_idx, initial_job_idx + len(job_overrides)))
        self.launched.append(numbers)
        assert [list(one) for one in job_overrides] == [[f"n={number}"] for number in numbers]
        returns = [self.behave(number, self.outcomes) for number in numbers]
        return [one or JobReturn() for one in returns]


def run(tmp_path: Path, numbers: Sequence[int], behave: Behave, impossible: int = -1) -> Any:
    outcomes = Outcomes(tmp_path, "token")
    launcher, folders = ScriptedLauncher(outcomes, behave), Folders()
    folders.impossible = impossible
    executor = LauncherExecutor(
        launcher,  # type: ignore[arg-type]
        outcomes,
        lambda point: [f"n={point['n']}"],
        folders,  # type: ignore[arg-type]
        objectives=("gain",),
        max_retries=1,
    )
    executor.submit([Job(number, {"n": number}) for number in numbers])
    found: dict[int, Outcome] = {}
    for _ in range(30):
        for number, outcome in executor.ended():
            assert number not in found, "a job ends once"
            found[number] = outcome
        if len(found) == len(numbers):
            return found, launcher
    raise AssertionError(f"only {sorted(found)} ended")


def well(number: int, outcomes: Outcomes) -> None:
    outcomes.start(number)
    outcomes.write(number, Outcome({"gain": float(number)}))


def test_jobs_are_launched_in_runs_of_consecutive_numbers(tmp_path: Path) -> None:
    found, launcher = run(tmp_path, [3, 4, 7, 9, 10], well)
    assert launcher.launched == [[3, 4], [7], [9, 10]]
    assert {number: outcome.metrics["gain"] for number, outcome in found.items()} == {
        number: number for number in (3, 4, 7, 9, 10)
    }
    assert consecutive([]) == []


def test_a_job_that_vanishes_is_run_once_more_alone(tmp_path: Path) -> None:
    def behave(number: int, outcomes: Outcomes) -> None:
        if number == 1:
            outcomes.start(number)
            raise RuntimeError("The exit codes of the workers are {SIGKILL(-9)}")
        well(number, outcomes)

    found, launcher = run(tmp_path, [0, 1, 2], behave)
    # The one after it never got a turn, and has one before the suspect.
    assert launcher.launched == [[0, 1, 2], [2], [1]]
    assert found[1].error == (
        "the job was lost: a worker was killed (SIGKILL(-9)), perhaps for lack of memory"
    )
    assert found[0].error is None
    assert found[2].error is None


def test_a_launcher_that_does_nothing_is_not_asked_for_ever(tmp_path: Path) -> None:
    found, _ = run(tmp_path, [0, 1], lambda number, outcomes: None)
    assert {outcome.error for outcome in found.values()} == {
        "the job was lost: the launcher returned without a result"
    }


def returned(status: JobStatus, value: Any) -> JobReturn:
    job = JobReturn()
    job.status = status
    job._return_value = value
    return job


def test_what_a_launcher_returns_counts_where_the_disk_was_full(tmp_path: Path) -> None:
    returns = [
        returned(JobStatus.COMPLETED, {"gain": 2.0}),
        returned(JobStatus.FAILED, ValueError("too deep")),
        returned(JobStatus.COMPLETED, None),
    ]
    found, _ = run(tmp_path, [0, 1, 2], lambda number, outcomes: returns[number])
    assert found[0].metrics == {"gain": 2.0}
    assert found[1].error == "ValueError: too deep"
    assert "the job returned nothing" in str(found[2].error)


def test_a_job_that_does_not_compose_fails_alone(tmp_path: Path) -> None:
    def behave(number: int, outcomes: Outcomes) -> None:
        if number == 1:
            raise ConfigCompositionException("Could not find 'model/huge'")
        well(number, outcomes)

    found, _ = run(tmp_path, [0, 1, 2], behave, impossible=1)
    assert "Could not find 'model/huge'" in str(found[1].error)
    assert {number for number, outcome in found.items() if outcome.error is None} == {0, 2}


def test_a_job_that_ends_every_process_is_given_up(tmp_path: Path) -> None:
    outcomes = Outcomes(tmp_path, "token")
    executor = LauncherExecutor(
        ScriptedLauncher(outcomes, well),  # type: ignore[arg-type]
        outcomes,
        lambda point: [],
        Folders(),  # type: ignore[arg-type]
        objectives=("gain",),
        max_retries=1,
    )
    for _ in range(3):
        outcomes.start(0)
        assert executor.find(0) is None
    outcomes.start(0)
    found = executor.find(0)
    assert found is not None
    assert found.error == "the job was begun 4 times and each time ended without a word."
