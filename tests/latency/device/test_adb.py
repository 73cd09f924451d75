import random
import subprocess
from pathlib import Path

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
    [
        ("unauthorized", UnauthorizedError),
        ("authorizing", UnauthorizedError),
        ("offline", OfflineError),
        ("connecting", OfflineError),
        ("recovery", DeviceError),
        ("no permissions (missing udev rules?); see [http://a.b/c]", DeviceError),
    ],
)
def test_states_have_names(state: str, error: type[DeviceError]) -> None:
    found = state_error(state, "X")
    assert type(found) is error
    assert str(found).startswith("X")
    assert ("udev" in str(found)) == state.startswith("no permissions")
    assert ("reboot" in str(found)) == (state == "recovery")


def says(tmp_path: Path, text: str) -> Adb:
    """An adb that only prints."""
    (tmp_path / "listed").write_text(text)
    program = tmp_path / "adb"
    program.write_text(f"#!/bin/sh\ncat '{tmp_path}/listed'\n")
    program.chmod(0o755)
    return Adb(str(program))


@pytest.mark.parametrize(
    ("row", "serial", "state"),
    [
        ("R58M1\tdevice", "R58M1", "device"),
        ("R58M1            device usb:1-1 product:x model:Y transport_id:1", "R58M1", "device"),
        ("adb-R5 (2)._adb-tls-connect._tcp\tdevice", "adb-R5 (2)._adb-tls-connect._tcp", "device"),
        (
            "????????????\tno permissions (user in plugdev group; wrong udev rules?); see [http://a.b/c]",
            "????????????",
            "no permissions (user in plugdev group; wrong udev rules?); see [http://a.b/c]",
        ),
        (
            "R5    no permissions; see [http://a.b/c] usb:1-1",
            "R5",
            "no permissions; see [http://a.b/c] usb:1-1",
        ),
        ("127.0.0.1:5555\toffline", "127.0.0.1:5555", "offline"),
    ],
)
def test_the_list_of_phones_is_read_in_every_form(row: str, serial: str, state: str, tmp_path: Path) -> None:
    noise = "* daemon not running; starting now at tcp:5037\n* daemon started successfully\n"
    adb = says(tmp_path, f"{noise}List of devices attached\n{row}\n\n")
    assert adb.devices() == {serial: state}
    if state != "device":
        with pytest.raises(DeviceError, match=r"udev|does not answer"):
            adb.choose(None)


def test_a_program_that_may_not_be_run_is_named(tmp_path: Path) -> None:
    adb = says(tmp_path, "")
    (tmp_path / "adb").chmod(0o644)
    with pytest.raises(AdbMissingError, match=r"cannot be run .*make it executable"):
        adb.devices()
    with pytest.raises(AdbMissingError, match="cannot be run"):
        Adb(str(tmp_path)).devices()


def test_missing_and_stuck_programs_are_named() -> None:
    with pytest.raises(AdbMissingError, match="install adb"):
        Adb("/nonexistent/adb").devices()
    with pytest.raises(AdbTimeoutError, match=r"within 0\.2 seconds"):
        Adb("sleep").run(["5"], timeout=0.2)
