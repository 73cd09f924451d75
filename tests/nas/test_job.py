import json
from pathlib import Path

import numpy as np
import pytest
import torch

from nas.errors import JobError
from nas.job import OUTCOME, Outcome, describe_error, plain_metrics, read_outcome, write_outcome, write_text


def test_an_outcome_is_read_back(tmp_path: Path) -> None:
    outcome = Outcome("token", {"a": 1.5, "b": "text", "c": float("inf")}, seconds=2.0)
    write_outcome(tmp_path, outcome)
    assert read_outcome(tmp_path, "token") == outcome
    assert read_outcome(tmp_path, "another study's") is None
    assert [path.name for path in tmp_path.iterdir()] == [OUTCOME]


@pytest.mark.parametrize("text", ["", "{", "[]", json.dumps({"unknown": 1})])
def test_a_torn_outcome_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / OUTCOME).write_text(text)
    assert read_outcome(tmp_path, "token") is None


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "\ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_metrics_become_plain_numbers() -> None:
    returned = {"a": np.float32(0.5), "b": torch.tensor(2), "c": Path("x"), "d": None, "e": True}
    plain = plain_metrics(returned)
    assert plain == {"a": 0.5, "b": 2, "c": "x", "d": None, "e": True}
    assert json.loads(json.dumps(plain)) == plain


@pytest.mark.parametrize("returned", [None, 3.0, {"a": [1]}, {"a": np.zeros(2)}, {"a": torch.zeros(2)}])
def test_other_returns_are_refused(returned: object) -> None:
    with pytest.raises(JobError, match=r"must return a flat dict|must be numbers|several numbers"):
        plain_metrics(returned)


def test_errors_are_told_by_type_and_last_line() -> None:
    assert describe_error(ValueError("first\n last ")) == "ValueError: last"
    assert describe_error(MemoryError()) == "MemoryError"
