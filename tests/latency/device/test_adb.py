import random
import subprocess

import pytest

from latency.device.adb import FAILURES, Adb, failure, split_answer, state_error
from latency.errors import (
    AdbError,
    AdbMissingError,
    AdbTimeoutError,
    DeviceError,
    NoDeviceError,
    OfflineError,
    SeveralDevicesError,
    StorageFullError,
    StreamError,
    UnauthorizedError,
)
from latency.runner.stream import RunReport
from tests.latency.runner.test_stream import INPUTS, REPORT, REQUEST, STREAM, mutated

MARKER = "__ended_0123456789abcdef"
ANSWER = STREAM + MARKER.encode() + b"=0\n"


def received(output: bytes) -> RunReport | None:
    """What a device makes of an answer: a report, or None for the error that it raises."""
    answer = split_answer(output, MARKER)
    if answer is None or answer.code != 0:
        return None
    try:
        return RunReport.from_stream(answer.output, REQUEST, INPUTS)
    except StreamError:
        return None


def test_whole_answer_is_a_report() -> None:
    assert received(ANSWER) == REPORT
    assert received(ANSWER.replace(b"\n", b"\r\n")) == REPORT


def test_no_mutation_of_an_answer_gives_other_numbers() -> None:
    generator = random.Random(1)
    refused = 0
    for _ in range(10_000):
        report = received(mutated(ANSWER, generator))
        assert report is None or report == REPORT
        refused += report is None
    assert refused > 9000


def test_exit_code_and_output_are_told_apart() -> None:
    answer = split_answer(b"text without end" + MARKER.encode() + b"=137\n", MARKER)
    assert answer is not None
    assert (answer.text, answer.code) == ("text without end", 137)


# As printed by adb 29, 34 and 36.
@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("error: no devices/emulators found", NoDeviceError),
        ("adb: no devices/emulators found", NoDeviceError),
        ("adb: device 'nosuch' not found", NoDeviceError),
        ("error: more than one device/emulator", SeveralDevicesError),
        ("adb: device unauthorized.\nThis adb server's $ADB_VENDOR_KEYS is not set", UnauthorizedError),
        ("adb: device still authorizing", UnauthorizedError),
        ("error: device offline", OfflineError),
        (
            "adb: error: failed to copy 'a' to 'b': remote couldn't write: No space left on device",
            StorageFullError,
        ),
        (
            "adb: error: failed to copy 'a' to 'b': remote couldn't create file: Read-only file system",
            AdbError,
        ),
    ],
)
def test_what_adb_says_has_a_name_and_a_remedy(said: str, error: type[DeviceError]) -> None:
    found = failure(subprocess.CompletedProcess([], 1, b"", said.encode()))
    assert type(found) is error
    remedies = {text for _, kind, text in FAILURES if kind is error}
    assert str(found) in remedies or "check the phone" in str(found)


@pytest.mark.parametrize(
    ("state", "error"),
    [("unauthorized", UnauthorizedError), ("offline", OfflineError), ("recovery", OfflineError)],
)
def test_states_have_names(state: str, error: type[DeviceError]) -> None:
    assert type(state_error(state, "X")) is error


def test_missing_and_stuck_programs_are_named() -> None:
    with pytest.raises(AdbMissingError, match="install adb"):
        Adb("/nonexistent/adb").devices()
    with pytest.raises(AdbTimeoutError, match=r"within 0\.2 seconds"):
        Adb("sleep").run(["5"], timeout=0.2)
