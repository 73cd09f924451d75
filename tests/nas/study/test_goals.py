import math

import numpy as np
import pytest

from nas.errors import SettingsError
from nas.study import Constraint, Goals, is_finite


@pytest.mark.parametrize(
    ("text", "metric", "bound", "at_most", "relative"),
    [
        ("bytes <= 3e6", "bytes", 3e6, True, False),
        ("f1>=.5", "f1", 0.5, False, False),
        ("peak_memory_bytes <= 0.8 * reference", "peak_memory_bytes", 0.8, True, True),
        ("test.f1 >= reference", "test.f1", 1.0, False, True),
        ("loss >= -2", "loss", -2.0, False, False),
    ],
)
def test_constraints_are_read_and_written(
    text: str, metric: str, bound: float, at_most: bool, relative: bool
) -> None:
    constraint = Constraint.parse(text)
    assert constraint == Constraint(metric, bound, at_most, relative)
    assert Constraint.parse(str(constraint)) == constraint


@pytest.mark.parametrize(
    "text", ["", "bytes", "bytes < 3", "bytes <= many", "<= 3", "a <= 2 * b", "1 <= a <= 2"]
)
def test_other_constraints_are_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="write 'metric <= NUMBER'"):
        Constraint.parse(text)


def test_goals_come_back_from_their_description() -> None:
    goals = Goals.of({"b": "maximize", "a": "minimize", "c": "minimize"}, ["a <= 3", "d >= 0.5 * reference"])
    assert Goals.read(goals.describe()) == goals
    assert goals.names == ("b", "a", "c")
    assert goals.metrics == ("b", "a", "c", "d")
    assert goals.needs_reference
    with pytest.raises(SettingsError, match="'upwards' is no direction"):
        Goals.of({"a": "upwards"})
    with pytest.raises(SettingsError, match="at least one objective"):
        Goals.of({})


def test_slacks_are_shares_of_their_bound_and_negative_where_it_is_broken() -> None:
    goals = Goals.of({"a": "maximize"}, ["m <= 10", "m >= 2", "m <= 0.5 * reference"])
    found = goals.slacks([{"m": 5.0}, {"m": 12.0}, {"m": 1.0}], {"m": 16.0})
    np.testing.assert_allclose(found, [[0.5, 1.5, 0.375], [-0.2, 5.0, -0.5], [0.9, -0.5, 0.875]])
    # A reference that is not known yet is kept by all.
    assert (goals.slacks([{"m": 12.0}], None)[:, 2] > 0).all()


@pytest.mark.parametrize(
    ("value", "finite"),
    [
        (1, True),
        (0.5, True),
        (math.nan, False),
        (-math.inf, False),
        (True, False),
        ("1", False),
        (None, False),
    ],
)
def test_what_can_be_an_objective(value: object, finite: bool) -> None:
    assert is_finite(value) == finite


def test_an_integer_beyond_all_floats_is_none() -> None:
    assert not is_finite(10**400)
