"""The values of a point: what JSON can hold, told apart by type, and written for Hydra."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from nas.errors import SpaceError

Number = int | float
Value = int | float | str | bool | None | list[Any] | dict[str, Any]
Point = dict[str, Value]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_KEYWORDS = {"true", "false", "null", "nan", "inf"}


def is_number(value: object) -> bool:
    """Whether the value is an int or a float; booleans are not numbers here."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def identity(value: object) -> str:
    """A text that two values share only if they have the same type and content: 1, 1.0, true and "1" are
    four values.
    """
    return '"' + value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=repr)


def check_value(name: str, value: Any) -> Value:
    """Returns a value that a study can store and a job can be given.

    Raises:
        SpaceError: If it is not finite, or a mapping's key is no plain word.
    """
    if isinstance(value, Mapping):
        for key in value:
            if not (isinstance(key, str) and _is_plain(key)):
                raise SpaceError(f"{name}: {key!r} cannot be a mapping's key here; use a plain word.")
        return {key: check_value(name, item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [check_value(name, item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise SpaceError(f"{name}: {value} cannot be searched; use null or a finite number.")
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise SpaceError(f"{name}: {value!r} is no value; use a number, text, boolean, null, list or mapping.")


def format_value(value: Any) -> str:
    """The value in Hydra's override syntax, so that Hydra reads the same value and type back."""
    if isinstance(value, str):
        return value if _is_plain(value) else _quoted(value)
    if isinstance(value, bool) or value is None:
        return "null" if value is None else str(value).lower()
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{format_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(format_value, value)) + "]"
    return repr(value)


def _quoted(text: str) -> str:
    # A space is of use without Hydra, as a benchmark's is.
    from hydra.core.override_parser.types import Quote, QuotedString

    return str(QuotedString(text, Quote.single).with_quotes())


def _is_plain(text: str) -> bool:
    return _PLAIN.fullmatch(text) is not None and text.lower() not in _KEYWORDS
