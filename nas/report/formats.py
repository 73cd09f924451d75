"""How values are written: exactly in files, in four digits for people."""

import json
import math
import struct

import numpy as np

_SINGLE = struct.Struct("f")
# A double of fewer characters is as short as single precision could make it.
_SHORT = 10
# Beyond these, powers of ten say more than zeros.
_SMALL, _LARGE = 1e-4, 1e7


def exact(value: object) -> str:
    """A value for a file: read back, it is the same one.

    A double that holds a number of single precision, such as a metric of PyTorch, is written with the digits
    that single precision has: 90.8, not 90.80000305175781.
    """
    if isinstance(value, float):
        text = float.__repr__(value)
        if len(text) < _SHORT or value.is_integer() or not _is_single(value):
            return text
        return str(np.float32(value))
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, list | dict) else str(value)


def _is_single(value: float) -> bool:
    try:
        return bool(_SINGLE.unpack(_SINGLE.pack(value))[0] == value)
    except OverflowError:
        return False


def short(value: object) -> str:
    """A value for people: four significant digits of a float, all of an integer."""
    if value is None:
        return "-"
    if not isinstance(value, float) or not math.isfinite(value):
        return str(value)
    size = abs(value)
    if 1e4 <= size < _LARGE:
        return f"{value:.0f}"
    if 0 < size < _SMALL or size >= _LARGE:
        return f"{value:.3e}"
    return f"{value + 0.0:.4g}"


def interval(middle: float, low: float, high: float, most: int = 6) -> str:
    """An estimate with its interval, such as `0.52 [0.47, 0.58]`.

    Args:
        middle: The estimate.
        low: The interval's lower end.
        high: Its upper end.
        most: Decimals at most; it has as many as give the interval's width two digits.
    """
    width = high - low
    if not 0 < width < _LARGE:
        return short(float(middle))
    decimals = 1 - math.floor(math.log10(width))
    if decimals > most == 6:
        shown = [f"{one:.2e}" for one in (middle, low, high)]
    else:
        decimals = min(decimals, most)
        shown = [f"{round(float(one), decimals) + 0.0:.{max(decimals, 0)}f}" for one in (middle, low, high)]
    return f"{shown[0]} [{shown[1]}, {shown[2]}]"
