import json
import multiprocessing
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nas.errors import JobError
from nas.execution.outcomes import Outcome, Outcomes, allow_processes, claim, split_files

OBJECTIVES = ("gain", "cost")


@pytest.fixture
def outcomes(tmp_path: Path) -> Outcomes:
    return Outcomes(tmp_path, "token")


def test_an_outcome_is_read_back(outcomes: Outcomes, tmp_path: Path) -> None:
    metrics = {"a": 1.5, "b": "nan", "c": None, "d": float("-inf")}
    outcome = Outcome(metrics, {"artifact": "a.pt"}, seconds=2.0, folder="f")
    outcomes.write(3, outcome)
    assert outcomes.read(3) == outcome
    assert outcomes.read(4) is None
    assert Outcomes(tmp_path, "another study's").read(3) is None
    assert [path.name for path in tmp_path.iterdir()] == ["3.json"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", json.dumps({"unknown": 1}), json.dumps({"token": "token", "x": 1})]
)
def test_a_torn_outcome_is_none(outcomes: Outcomes, tmp_path: Path, text: str) -> None:
    (tmp_path / "3.json").write_text(text)
    assert outcomes.read(3) is None


def test_starts_are_counted_and_taken_back(outcomes: Outcomes) -> None:
    assert outcomes.starts(1) == 0
    outcomes.start(1)
    outcomes.start(1)
    outcomes.forget_start(1)
    assert (outcomes.starts(1), outcomes.starts(2)) == (1, 0)


def test_metrics_become_plain_and_paths_become_files() -> None:
    returned = {
        "gain": np.float32(0.5),
        "cost": torch.tensor([2], requires_grad=False),
        "decimal": Decimal("1.5"),
        "nothing": None,
        "flag": True,
        "artifact": Path("a.pt"),
        "test": {"f1": np.array([[0.25]]), "deep": {"er": "text"}},
    }
    metrics, files = split_files(returned, OBJECTIVES)
    assert metrics == {
        "gain": 0.5,
        "cost": 2,
        "decimal": 1.5,
        "nothing": None,
        "flag": True,
        "test.f1": 0.25,
        "test.deep.er": "text",
    }
    assert files == {"artifact": str(Path.cwd() / "a.pt")}
    assert json.loads(json.dumps(metrics)) == metrics


def test_what_cannot_be_kept_is_told_and_costs_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    metrics, _ = split_files({"gain": 1, "cost": 2, "history": [1, 2], "huge": 10**400}, OBJECTIVES)
    assert metrics == {"gain": 1, "cost": 2, "huge": float("inf")}
    assert "left out: history" in caplog.text


@pytest.mark.parametrize("returned", [(1.0, 2), [np.float64(1), torch.tensor(2)]])
def test_bare_numbers_are_the_objectives_in_their_order(returned: Any) -> None:
    assert split_files(returned, OBJECTIVES)[0] == {"gain": 1.0, "cost": 2}
    assert split_files(3.0, ("gain",))[0] == {"gain": 3.0}


@pytest.mark.parametrize("returned", [None, 3.0, (1,), (1, 2, 3), "ab", ([1], [2]), object()])
def test_other_returns_are_refused(returned: object) -> None:
    with pytest.raises(
        JobError, match=r"must return a dict of its metrics, or the objectives' numbers \(gain, cost\)"
    ):
        split_files(returned, OBJECTIVES)


@pytest.mark.parametrize("value", [np.zeros(2), torch.zeros(2), [1]])
def test_an_objective_is_one_number(value: object) -> None:
    with pytest.raises(JobError, match=r"gain is a .*not one number"):
        split_files({"gain": value, "cost": 1}, OBJECTIVES)


def test_a_folder_belongs_to_one_trial_of_a_study(tmp_path: Path) -> None:
    claim(tmp_path, 3, "token")
    claim(tmp_path, 3, "token")
    with pytest.raises(JobError, match=r"that of trial 3; put \$\{hydra.job.num\}"):
        claim(tmp_path, 4, "token")
    claim(tmp_path, 4, "a later study's")


def _double(number: int) -> int:
    return 2 * number


def _with_processes() -> list[int]:
    allow_processes()
    with multiprocessing.Pool(2) as pool:
        return pool.map(_double, [1, 2])


def test_a_task_may_start_processes_inside_a_worker_of_joblib() -> None:
    from joblib import Parallel, delayed

    assert Parallel(2)(delayed(_with_processes)() for _ in range(2)) == [[2, 4]] * 2
