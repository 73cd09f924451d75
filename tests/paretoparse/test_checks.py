"""Ranges of settings hold what their sentences say."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretoparse.checks import COUNT, SHARE, Range, check_switches
from paretoparse.errors import UsageError


@given(st.floats(allow_nan=True), st.booleans(), st.booleans())
def test_the_ends_belong_to_it_unless_they_are_left_out(value: float, above: bool, below: bool) -> None:
    allowed = Range(low=-1, high=2, above=above, below=below)
    ends = {-1.0: not above, 2.0: not below}
    assert (value in allowed) == ends.get(value, -1 < value < 2)


@given(st.integers())
def test_integers_are_numbers_and_other_numbers_no_integers(value: int) -> None:
    assert (value in COUNT) == (value >= 1)
    assert (np.int64(value % 100) in COUNT) == (value % 100 >= 1)
    assert value + Fraction(1, 2) not in Range(low=-math.inf, whole=True)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, True, False, "1", None, [1], {}])
@pytest.mark.parametrize("allowed", [Range(), Range(low=-math.inf), COUNT, SHARE])
def test_what_is_no_finite_number_is_refused(allowed: Range, value: Any) -> None:
    with pytest.raises(UsageError, match=r"^x=.* is out of range: it must be .*\.$"):
        allowed.check("x", value, UsageError)


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_of_infinity_it_says_that_it_is_not_finite(value: float) -> None:
    with pytest.raises(
        UsageError, match=rf"^x={value} is out of range: it must be finite and above 0 or null\.$"
    ):
        Range(above=True, null=True).check("x", value, UsageError)


def test_null_is_allowed_where_it_is() -> None:
    assert None in Range(null=True)
    assert None not in Range()


@pytest.mark.parametrize(
    ("allowed", "words"),
    [
        (COUNT, "an integer of at least 1"),
        (Range(low=1, high=6, whole=True), "an integer from 1 to 6"),
        (SHARE, "0 to 1"),
        (Range(high=1, below=True), "0 to below 1"),
        (Range(high=1, above=True, below=True), "above 0 to below 1"),
        (Range(), "at least 0"),
        (Range(above=True, null=True), "above 0 or null"),
        (Range(low=-math.inf), "a number"),
        (Range(low=-math.inf, whole=True, null=True), "an integer or null"),
    ],
)
def test_it_says_what_is_allowed(allowed: Range, words: str) -> None:
    assert str(allowed) == words


@pytest.mark.parametrize("value", [1, 0, "no", "true", None])
def test_switches_are_true_or_false(value: Any) -> None:
    check_switches({"x": True, "y": False}, UsageError)
    with pytest.raises(UsageError, match=rf"^y={value} is neither true nor false\.$"):
        check_switches({"x": True, "y": value}, UsageError)
