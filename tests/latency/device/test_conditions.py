import pytest

from latency.device.conditions import (
    Conditions,
    busy_share,
    parse_conditions,
    violated,
)

GOOD = Conditions(battery=80, charging=True, thermal_status=0, screen_on=True, load=0.05)


def test_conditions_are_read_from_what_android_prints() -> None:
    conditions = parse_conditions(
        "Current Battery Service state:\n  AC powered: false\n  USB powered: true\n  level: 63\n  "
        "temperature: 310",
        "IsStatusOverride: false\nThermalEventListeners:\nThermal Status: 2\n",
        "Power Manager State:\n  mWakefulness=Asleep\n",
        ["cpu  100 0 50 800 50 0 0 0", "cpu  120 0 60 860 60 0 0 0"],
    )
    assert conditions == Conditions(battery=63, charging=True, thermal_status=2, screen_on=False, load=0.3)


def test_what_a_phone_does_not_tell_is_unknown_and_no_violation() -> None:
    conditions = parse_conditions("Can't find service", "", "", ["", ""])
    assert conditions == Conditions(None, None, None, None, None)
    assert violated(conditions, emulator=False, fixed_performance=True) == []


def test_standing_counters_give_no_share() -> None:
    assert busy_share("cpu 1 2 3 4 5 6 7 8", "cpu 1 2 3 4 5 6 7 8") is None


@pytest.mark.parametrize(
    ("conditions", "name"),
    [
        (Conditions(24, True, 0, True, 0.0), "LOW-BATTERY"),
        (Conditions(80, True, 1, True, 0.0), "THROTTLED"),
        (Conditions(80, True, 0, True, 0.21), "OTHER-LOAD"),
    ],
)
def test_each_violation_has_its_name(conditions: Conditions, name: str) -> None:
    assert violated(GOOD, emulator=False, fixed_performance=True) == []
    assert violated(conditions, emulator=False, fixed_performance=True) == [name]
