import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.report.formats import exact, short


@given(st.floats(allow_nan=False))
def test_doubles_are_read_back_as_they_are_or_as_the_same_single(value: float) -> None:
    back = float(exact(value))
    with np.errstate(over="ignore"):
        single = np.float32(value)
    assert back == value or (float(single) == value and np.float32(back) == single)


@given(st.floats(width=32, allow_nan=False))
def test_singles_have_no_more_digits_than_single_precision(value: float) -> None:
    digits = exact(value).partition("e")[0].strip("-").replace(".", "").strip("0")
    assert len(digits) <= 9 or value.is_integer()
    assert np.float32(float(exact(value))) == np.float32(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (float(np.float32(90.8)), "90.8"),
        (float(np.float32(1e-5)), "1e-05"),
        (np.float64(0.1), "0.1"),
        (1 / 3, repr(1 / 3)),
        (123456792.0, "123456792.0"),
        (float("nan"), "nan"),
        (10**30, "1" + 30 * "0"),
        (None, ""),
        (True, "True"),
        ([64, "a"], '[64, "a"]'),
    ],
)
def test_values_in_files(value: object, text: str) -> None:
    assert exact(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (90.80000305175781, "90.8"),
        (3145728.0, "3145728"),
        (12345.678, "12346"),
        (1.5e9, "1.500e+09"),
        (2.5e-7, "2.500e-07"),
        (-0.0, "0"),
        (0.0001, "0.0001"),
        (123456789, "123456789"),
        (None, "-"),
    ],
)
def test_values_for_people(value: object, text: str) -> None:
    assert short(value) == text
