from dataclasses import replace

import pytest

from latency.artifact import Artifact
from latency.device.android import Patience
from latency.errors import PreconditionError, ThrottledError
from latency.measurement import measure
from latency.testing import LOW_BATTERY, PLAIN, SCREEN_OFF, THROTTLING, Profile
from tests.latency.device.conftest import ABI, HERE, PLAN, REQUEST, Attach, Phones, one_client

pytestmark = pytest.mark.device


@one_client
@pytest.mark.parametrize(
    ("profile", "name"),
    [
        (LOW_BATTERY, "LOW-BATTERY"),
        (Profile(emulator=True), "EMULATOR"),
        (Profile(load=0.6), "OTHER-LOAD"),
        (Profile(fixed_performance=False), "UNLOCKED-CLOCKS"),
    ],
)
def test_preconditions_refuse_by_name_and_mark_when_suppressed(
    profile: Profile, name: str, attach: Attach, phones: Phones, artifact: Artifact
) -> None:
    phone = phones(replace(profile, abi=ABI))
    with pytest.raises(PreconditionError, match=rf"\({name}\).*device\.suppress=\[{name}\]"), attach(phone):
        pass
    if profile.fixed_performance:
        assert (phone.files.folder / "fixed_performance").read_text() == "false\n"
    with attach(phone, suppress=[name]) as device:
        assert measure(artifact.path, device, PLAN).marks == (name,)


@one_client
@pytest.mark.parametrize(
    ("profile", "screens"),
    [
        (PLAIN, [True, True, True, True, True]),
        (replace(PLAIN, screen_off_after=1), [True, True, False, False, False]),
        (SCREEN_OFF, [False, False, False, False, False]),
    ],
)
@pytest.mark.parametrize("suppress", [[], ["THROTTLED"]])
def test_screen_is_read_before_between_and_after_the_blocks_and_refuses_nothing(
    profile: Profile,
    screens: list[bool],
    suppress: list[str],
    attach: Attach,
    phones: Phones,
    artifact: Artifact,
) -> None:
    with attach(phones(replace(profile, abi=ABI)), suppress=suppress) as device:
        result = measure(artifact.path, device, PLAN)
    conditions = result.device["conditions"]
    # Once for the preconditions, then around each of the two blocks.
    assert [entry["moment"] for entry in conditions] == ["before", "before", "after", "before", "after"]
    assert [entry["screen_on"] for entry in conditions] == screens
    assert all((entry["battery"], entry["charging"]) == (80, True) for entry in conditions)
    assert result.marks == ()


@one_client
def test_hot_phone_is_waited_for(attach: Attach, phones: Phones, artifact: Artifact) -> None:
    with attach(phones(replace(THROTTLING, abi=ABI))) as device:
        assert len(device.run(artifact, REQUEST).ns) == 60
        assert "cooling" in {entry["moment"] for entry in device.describe()["conditions"]}


@one_client
def test_phone_that_stays_hot_is_refused(attach: Attach, phones: Phones) -> None:
    stays_hot = phones(replace(THROTTLING, abi=ABI, cools_after=None))
    with (
        pytest.raises(ThrottledError, match="within 1 seconds"),
        attach(stays_hot, patience=Patience(cooling=1)),
    ):
        pass


@one_client
def test_block_that_heats_the_phone_is_repeated(attach: Attach, phones: Phones, artifact: Artifact) -> None:
    phone = phones(replace(HERE, heating_runs=1, cools_after=2.0))
    with attach(phone) as device:
        assert len(device.run(artifact, REQUEST).ns) == 60
        moments = [entry["moment"] for entry in device.describe()["conditions"]]
        assert moments.count("after") == phone.files.runs == 2
