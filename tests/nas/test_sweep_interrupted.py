"""Searches of the toy app whose jobs fail or that are killed, and what is kept."""

import json
import time

import pytest

from nas.study.store import open_study
from tests.nas.toy_app import JOBLIB, SOBOL_ONLY, Toy


@pytest.mark.slow
@pytest.mark.parametrize("launcher", [JOBLIB, ()], ids=["joblib", "basic"])
def test_a_killed_search_goes_on(toy: Toy, launcher: tuple[str, ...]) -> None:
    arguments = (*launcher, "pause=0.4", "hydra.sweeper.budget=9")
    process = toy.start(*arguments)
    deadline = time.monotonic() + 60
    while len(toy.runs()) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.wait()
    killed = time.time()
    before = toy.runs()
    assert 3 <= len(before) < 6
    done = toy.run(*arguments)
    assert done.returncode == 0, done.stderr
    assert toy.states() == ["completed"] * 9
    # Joblib's orphans finish and their results are taken; the basic launcher's running job runs again.
    repeated = len(toy.runs()) - 9
    assert repeated <= (1 if not launcher else 0)
    assert sorted(set(toy.runs())) == list(range(9))
    (_, last_sign), (went_on, ended) = open_study(toy.folder).sessions
    assert last_sign < killed < went_on < ended


def test_failures_are_recorded_and_the_search_goes_on(toy: Toy) -> None:
    done = toy.run(*SOBOL_ONLY, "fail=raise")
    assert done.returncode == 0, done.stderr
    assert toy.states() == ["completed"] * 2 + ["failed"] + ["completed"] * 3
    assert toy.rows()[2]["error"] == "ValueError: first line the layers do not fit"
    assert "basic launcher" in done.stdout
    # It stays failed when the search goes on, and its point is not tried again.
    refused = toy.run("hydra.sweeper.budget=7")
    assert refused.returncode == 1
    assert 'configuration: fail: was "raise", is null' in refused.stderr
    assert toy.run("hydra.sweeper.budget=7", "hydra.sweeper.accept_changes=true").returncode == 0
    assert toy.states()[2] == "failed"
    assert toy.runs() == list(range(7))


@pytest.mark.parametrize(
    ("fail", "error"),
    [
        ("not-a-number", "the metric accuracy is nan, not a finite number."),
        ("text", "the metric accuracy is high, not a finite number."),
        ("missing", "the metric accuracy is missing; the job returned nothing."),
    ],
)
def test_a_useless_objective_is_a_failure(toy: Toy, fail: str, error: str) -> None:
    done = toy.run(*SOBOL_ONLY, f"fail={fail}")
    assert done.returncode == 0, done.stderr
    assert toy.rows()[2]["error"] == error
    assert toy.metrics()["trials_failed"] == 1


@pytest.mark.slow
def test_a_killed_worker_costs_only_its_own_trial(toy: Toy) -> None:
    done = toy.run(*SOBOL_ONLY, *JOBLIB, "fail=kill")
    assert done.returncode == 0, done.stderr
    assert toy.states() == ["completed"] * 2 + ["failed"] + ["completed"] * 3
    assert "SIGKILL" in toy.rows()[2]["error"]
    assert toy.runs().count(2) == 2


@pytest.mark.parametrize("fail", ["kill-once", "interrupt-once"])
def test_a_job_that_is_killed_or_told_to_stop_once_is_retried(toy: Toy, fail: str) -> None:
    done = toy.run(*SOBOL_ONLY, *JOBLIB, f"fail={fail}")
    assert done.returncode == 0, done.stderr
    assert "started again, alone" in done.stdout
    assert toy.rows()[2]["error"] == "the metric accuracy is missing; the job returned nothing."
    assert toy.runs().count(2) == 2


@pytest.mark.parametrize("launcher", [JOBLIB, ()], ids=["joblib", "basic"])
def test_a_job_that_ends_its_process_ends_only_its_trial(toy: Toy, launcher: tuple[str, ...]) -> None:
    done = toy.run(*SOBOL_ONLY, *launcher, "fail=exit")
    assert done.returncode == 0, done.stderr
    assert toy.states() == ["completed"] * 2 + ["failed"] + ["completed"] * 3
    assert toy.rows()[2]["error"] == "the job ended its process with exit code 0"


def test_a_process_that_vanishes_with_the_search_is_given_up_in_the_end(toy: Toy) -> None:
    # The basic launcher runs jobs in the search's own process.
    assert toy.run_process(*SOBOL_ONLY, "fail=os-exit").returncode == 0
    assert not (toy.folder / "metrics.json").exists()
    # It was begun once; after three more vain starts it is not begun again.
    started = toy.folder / "outcomes" / "2.started"
    started.write_text(4 * started.read_text())
    done = toy.run(*SOBOL_ONLY, "fail=os-exit")
    assert toy.states() == ["completed"] * 2 + ["failed"] + ["completed"] * 3
    assert "ended without a word" in toy.rows()[2]["error"]
    assert done.returncode == 0


def test_too_many_failures_end_the_search_and_keep_its_trials(toy: Toy) -> None:
    done = toy.run("fail=raise", "hydra.sweeper.max_failure_rate=0.1")
    assert done.returncode == 1
    assert done.stderr.count("error: 1 of 6 trials failed, more than max_failure_rate=0.1 allows") == 1
    assert "Traceback" not in done.stderr
    assert len(toy.rows()) == 6


def test_a_failing_reference_ends_the_search(toy: Toy) -> None:
    done = toy.run("fail=raise", "when=0")
    assert done.returncode == 1
    assert "error: the reference model failed" in done.stderr


def test_a_failed_measurement_is_repeated_without_training(toy: Toy) -> None:
    arguments = (
        *SOBOL_ONLY,
        "+hydra.sweeper.measure._target_=measure.FileMeasure",
        "~hydra.sweeper.objectives.latency_ms",
        "+hydra.sweeper.objectives.measured_ms=minimize",
    )
    toy.folder.mkdir()
    (toy.folder / "broken").touch()
    assert toy.run(*arguments).returncode == 0
    assert toy.states() == ["completed"] * 3 + ["unmeasured"] + ["completed"] * 2
    assert toy.rows()[3]["error"] == "measurement: ConnectionError: the device is gone"
    assert toy.metrics()["trials_failed"] == 1
    (toy.folder / "broken").unlink()
    assert toy.run(*arguments).returncode == 0
    assert toy.states() == ["completed"] * 6
    assert toy.runs() == list(range(6))


def test_a_result_that_only_reached_the_disk_is_taken(toy: Toy) -> None:
    assert toy.run(*SOBOL_ONLY).returncode == 0
    study = open_study(toy.folder)
    outcome = json.loads((toy.folder / "outcomes" / "5.json").read_text())
    assert outcome["token"] == study.token
    assert outcome["metrics"]["artifact"] == "a.pt"
    assert outcome["folder"] == study[5].folder == str(toy.folder / "5")
