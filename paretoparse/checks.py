"""Whether a setting is a number in its range, or a switch; anything else is refused in one sentence."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from paretoparse.errors import ParetoParseError


@dataclass(frozen=True, kw_only=True)
class Range:
    """The finite numbers between two ends; `True` and `False` are none.

    Attributes:
        low: The lower end.
        high: The upper end; infinity: there is none.
        above: Without the lower end itself.
        below: Without the upper end itself.
        whole: Integers alone.
        null: None is allowed too.
    """

    low: float = 0
    high: float = math.inf
    above: bool = False
    below: bool = False
    whole: bool = False
    null: bool = False

    def __contains__(self, value: Any) -> bool:
        if value is None:
            return self.null
        kind: Any = Integral if self.whole else Real
        if isinstance(value, bool) or not isinstance(value, kind):
            return False
        lower = self.low < value if self.above or self.low == -math.inf else self.low <= value
        upper = value < self.high if self.below or self.high == math.inf else value <= self.high
        return bool(lower and upper)

    def __str__(self) -> str:
        kind = "an integer " if self.whole else ""
        if -self.low == self.high == math.inf:
            words = "an integer" if self.whole else "a number"
        elif self.high == math.inf:
            least = "above" if self.above else "of at least" if self.whole else "at least"
            words = f"{kind}{least} {self.low}"
        else:
            between = f"{'above ' * self.above}{self.low} to {'below ' * self.below}{self.high}"
            words = f"{kind}from {between}" if self.whole else between
        return words + (" or null" if self.null else "")

    def check(self, name: str, value: object, error: type[ParetoParseError]) -> None:
        """Raise `error`, which says what is allowed, unless the setting has a value of the range."""
        if value not in self:
            finite = "finite and " if isinstance(value, float) and math.isinf(value) else ""
            raise error(f"{name}={value} is out of range: it must be {finite}{self}.")


COUNT = Range(low=1, whole=True)
"""Integers from 1 on."""

SHARE = Range(high=1)
"""0 to 1."""

BELOW_ONE = Range(high=1, below=True)
"""0 to below 1."""


def check_switches(values: Mapping[str, object], error: type[ParetoParseError]) -> None:
    """Raise `error` unless all settings, name to value, are true or false."""
    for name, value in values.items():
        if not isinstance(value, bool):
            raise error(f"{name}={value} is neither true nor false.")
