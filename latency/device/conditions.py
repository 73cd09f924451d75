"""The state of a phone and what of it would spoil a measurement. Text in, facts out; imports neither torch
nor adb.

The list follows Jetpack Microbenchmark's (androidx.benchmark, Errors.kt): refuse by default, suppress by
name, and mark the result.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

PRECONDITIONS = {
    "EMULATOR": "it is an emulator, whose timings say nothing about a phone",
    "LOW-BATTERY": "its battery is below 25 %, where phones slow down; charge it",
    "THROTTLED": "it is hot and has slowed itself down; let it cool",
    "OTHER-LOAD": "other programs keep more than a fifth of its processor busy; close them",
    "UNLOCKED-CLOCKS": "it has no fixed-performance mode, so its clocks move during the measurement",
}
LOWEST_BATTERY = 25
HIGHEST_LOAD = 0.2


@dataclass(frozen=True)
class Conditions:
    """What a phone's state was at one moment; None where it does not tell.

    Attributes:
        battery: level, percent.
        charging: whether it is being charged.
        thermal_status: 0 (none) to 6 (shutdown).
        screen_on: whether its screen is on.
        load: share of the processor that was busy over the last moment, 0 to 1.
    """

    battery: int | None
    charging: bool | None
    thermal_status: int | None
    screen_on: bool | None
    load: float | None

    @property
    def throttled(self) -> bool:
        """Whether it has slowed itself down."""
        return self.thermal_status is not None and self.thermal_status > 0


def parse_conditions(battery: str, thermal: str, power: str, stat: Sequence[str]) -> Conditions:
    """Read a phone's state.

    Args:
        battery: answer of `dumpsys battery`.
        thermal: answer of `dumpsys thermalservice` (Android 10 and later).
        power: answer of `dumpsys power`.
        stat: the first line of `/proc/stat`, read twice with a moment between.
    """
    level, status = _number(r"^\s*level: (\d+)", battery), _number(r"Thermal Status: (\d+)", thermal)
    powered = re.findall(r"^\s*(?:AC|USB|Wireless|Dock) powered: (true|false)", battery, re.MULTILINE)
    wakefulness = re.search(r"mWakefulness=(\w+)", power)
    return Conditions(
        battery=level,
        charging="true" in powered if powered else None,
        thermal_status=status,
        screen_on=None if wakefulness is None else wakefulness[1] == "Awake",
        load=busy_share(*stat),
    )


def busy_share(before: str, after: str) -> float | None:
    """Share of the processor's time that was not idle between two first lines of `/proc/stat`, 0 to 1."""
    lines = [[int(value) for value in re.findall(r"\b\d+", line)[:8]] for line in (before, after)]
    if any(len(values) < 5 for values in lines):
        return None
    spent = [b - a for a, b in zip(*lines, strict=False)]
    # The fourth and fifth numbers are time without work and time waiting for storage.
    total = sum(spent)
    return (total - spent[3] - spent[4]) / total if total > 0 else None


def violated(conditions: Conditions, *, emulator: bool, fixed_performance: bool) -> list[str]:
    """Names of the preconditions that a phone does not meet, in the order of `PRECONDITIONS`."""
    broken = {
        "EMULATOR": emulator,
        "LOW-BATTERY": conditions.battery is not None and conditions.battery < LOWEST_BATTERY,
        "THROTTLED": conditions.throttled,
        "OTHER-LOAD": conditions.load is not None and conditions.load > HIGHEST_LOAD,
        "UNLOCKED-CLOCKS": not fixed_performance,
    }
    return [name for name in PRECONDITIONS if broken[name]]


def _number(pattern: str, text: str) -> int | None:
    found = re.search(pattern, text, re.MULTILINE)
    return int(found[1]) if found is not None else None
