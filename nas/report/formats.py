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
_DECIMALS = 6


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


def interval(found: tuple[float, float, float], most: int | None = None) -> str:
    """An estimate with its interval, such as `0.52 [0.47, 0.58]`.

    Args:
        found: The estimate, and its interval's lower and upper end.
        most: Decimals at most; there are as many as give the interval's width two digits.
    """
    width = found[2] - found[1]
    if not 0 < width < _LARGE:
        return short(found[0])
    decimals = 1 - math.floor(math.log10(width))
    if most is not None:
        decimals = min(decimals, most)
    if decimals > _DECIMALS:
        shown = [f"{one:.2e}" for one in found]
    else:
        shown = [f"{round(one, decimals) + 0.0:.{max(decimals, 0)}f}" for one in found]
    return f"{shown[0]} [{shown[1]}, {shown[2]}]"
