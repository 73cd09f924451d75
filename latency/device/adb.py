"""The adb program, driven so that its exit code alone is never believed.

Older clients exit with 0 when the connection breaks in the middle of a command, and phones without the
second shell protocol always report 0. So every remote command ends with a marker that carries its exit code;
an answer without the marker is a lost connection.
"""

import os
import re
import secrets
import shlex
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from latency.errors import (
    AdbError,
    AdbMissingError,
    AdbTimeoutError,
    DeviceError,
    DeviceLostError,
    NoDeviceError,
    OfflineError,
    SeveralDevicesError,
    StorageFullError,
    UnauthorizedError,
)

# What adb says, by how its message ends or what it contains, since beginnings differ between versions.
FAILURES: list[tuple[str, type[DeviceError], str]] = [
    (
        r"no devices/emulators found",
        NoDeviceError,
        "No phone is attached; plug one in, switch on USB debugging and check 'adb devices'.",
    ),
    (
        r"more than one device",
        SeveralDevicesError,
        "Several phones are attached; choose one with device.serial=SERIAL ('adb devices' lists them).",
    ),
    (
        r"device (still )?(unauthorized|authorizing)|failed to authenticate",
        UnauthorizedError,
        "The phone does not trust this machine; unlock it and accept the dialog 'Allow USB debugging'.",
    ),
    (
        r"device (offline|still connecting)",
        OfflineError,
        "The phone is attached but does not answer; unplug it and plug it in again, or run 'adb reconnect'.",
    ),
    (
        r"device '.*' not found|device not found",
        NoDeviceError,
        "The phone that was asked for is not attached; 'adb devices' lists those that are.",
    ),
    (
        r"no permissions|insufficient permissions",
        DeviceError,
        "This user may not use the phone's USB connection; install udev rules (apt-get install "
        "android-sdk-platform-tools-common), join the group plugdev, log in again and plug the phone in "
        "again.",
    ),
    (
        r"No space left on device",
        StorageFullError,
        "The phone's storage is full; free some space in /data and measure again.",
    ),
]


# A serial number may hold single spaces; a state holds more than one word only where it explains itself.
ROW = re.compile(r"(?P<serial>\S.*?)(\t| {2,})(?P<state>no permissions.*|\S+)( .*)?")


@dataclass(frozen=True)
class Answer:
    """What a remote command left: its standard output and exit code."""

    output: bytes
    code: int

    @property
    def text(self) -> str:
        """The output as text without surrounding white space."""
        return self.output.decode("utf-8", "replace").strip()


class Adb:
    """One adb program and, once chosen, one phone."""

    def __init__(
        self,
        program: str = "adb",
        serial: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare; nothing is run yet.

        Args:
            program: name or path of adb.
            serial: the phone's serial number or `host:port`; None until chosen.
            environment: additions to the environment of adb, e.g. the port of its server.
        """
        self.program = program
        self.serial = serial
        self.environment = dict(environment or {})

    def run(self, arguments: list[str], timeout: float) -> subprocess.CompletedProcess[bytes]:
        """Run adb with these arguments for the chosen phone, if any.

        Raises:
            AdbMissingError: there is no such program, or it cannot be run.
            AdbTimeoutError: it did not end in time.
        """
        chosen = [] if self.serial is None else ["-s", self.serial]
        try:
            return subprocess.run(
                [self.program, *chosen, *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env={**os.environ, **self.environment},
                timeout=timeout,
                check=False,
            )
        except FileNotFoundError as error:
            raise AdbMissingError(
                f"There is no program '{self.program}'; install adb (e.g. apt-get install adb) or set "
                f"device.adb.program."
            ) from error
        except OSError as error:
            raise AdbMissingError(
                f"The program '{self.program}' cannot be run ({error.strerror}); make it executable, or set "
                f"device.adb.program to another adb."
            ) from error
        except subprocess.TimeoutExpired as error:
            raise AdbTimeoutError(
                f"adb {arguments[0]} did not finish within {timeout:g} seconds; check the cable, or raise "
                f"device.timeout."
            ) from error

    def devices(self) -> dict[str, str]:
        """Serial numbers of attached phones and their states, e.g. `device`, `offline`, `unauthorized`."""
        done = self.run(["devices"], timeout=30)
        if done.returncode != 0:
            raise failure(done)
        rows = map(ROW.fullmatch, done.stdout.decode("utf-8", "replace").splitlines())
        return {row["serial"]: row["state"] for row in rows if row is not None}

    def connect(self, address: str, timeout: float = 20) -> None:
        """Connect to a phone over the network and wait until it is ready.

        Raises:
            NoDeviceError: nothing answers at the address.
            UnauthorizedError: the phone does not trust this machine.
            OfflineError: something answers, but not as a phone does.
        """
        # Its exit code is 0 in every case.
        done = self.run(["connect", address], timeout=timeout)
        said = (done.stdout + done.stderr).decode("utf-8", "replace")
        refused = re.search(r"Connection refused|failed to resolve|No route|cannot connect", said)
        if refused is not None:
            raise NoDeviceError(
                f"No phone answers at {address} ({refused[0].lower()}); switch on wireless debugging and "
                f"check the address."
            )
        deadline = time.monotonic() + 3
        state = self.devices().get(address, "offline")
        while state != "device" and time.monotonic() < deadline:
            time.sleep(0.2)
            state = self.devices().get(address, "offline")
        if state != "device":
            raise state_error(state, address)

    def choose(self, serial: str | None) -> str:
        """Choose the phone with this serial number, or the only one.

        Returns:
            The chosen phone's serial number.

        Raises:
            NoDeviceError: there is none, or not this one.
            SeveralDevicesError: there are several and none was named.
            UnauthorizedError: it does not trust this machine.
            OfflineError: it does not answer.
        """
        found = self.devices()
        if serial is None:
            if not found:
                raise NoDeviceError(FAILURES[0][2])
            if len(found) > 1:
                raise SeveralDevicesError(f"{FAILURES[1][2]} Attached: {', '.join(sorted(found))}.")
            serial = next(iter(found))
        if serial not in found:
            attached = ", ".join(sorted(found)) or "none"
            raise NoDeviceError(
                f"The phone '{serial}' is not attached (attached: {attached}); check 'adb devices'."
            )
        if found[serial] != "device":
            raise state_error(found[serial], serial)
        self.serial = serial
        return serial

    def wait(self, timeout: float) -> None:
        """Wait until the chosen phone is there again.

        Raises:
            DeviceLostError: it did not come back in time.
        """
        deadline = time.monotonic() + timeout
        while self.devices().get(str(self.serial)) != "device":
            if time.monotonic() > deadline:
                raise DeviceLostError(
                    f"The phone {self.serial} was lost and did not come back within {timeout:g} seconds; "
                    f"check the cable."
                )
            time.sleep(0.2)

    def shell(self, command: str, timeout: float = 60) -> Answer:
        """Run a command line on the phone.

        Raises:
            DeviceLostError: the connection broke off before the command had ended.
            AdbTimeoutError: it did not end in time.
            DeviceError: adb could not reach the phone; the subclass and the text say why.
        """
        marker = f"__ended_{secrets.token_hex(8)}"
        done = self.run(["shell", f"( {command} ); echo {marker}=$?"], timeout)
        answer = split_answer(done.stdout, marker)
        if answer is not None:
            return answer
        known = known_failure(done)
        if known is not None and not done.stdout:
            raise known
        raise DeviceLostError(
            f"The connection to the phone {self.serial} broke off in the middle of a command; check the "
            f"cable and measure again."
        )

    def push(self, local: Path, remote: str, timeout: float) -> None:
        """Copy a file to the phone.

        Raises:
            StorageFullError: there is no room for it.
            DeviceError: adb could not reach the phone or write the file.
        """
        done = self.run(["push", str(local.resolve()), remote], timeout)
        if done.returncode != 0:
            raise failure(done)

    def hashes(self, folder: str) -> dict[str, str]:
        """SHA-256 of every file in a remote folder, by name; empty where there is no such folder."""
        answer = self.shell(
            f"cd {shlex.quote(folder)} 2>/dev/null && sha256sum -- * 2>/dev/null", timeout=120
        )
        rows = [line.split(maxsplit=1) for line in answer.text.splitlines()]
        return {row[1].strip(): row[0] for row in rows if len(row) == 2}


def split_answer(output: bytes, marker: str) -> Answer | None:
    """Part a command's output from the marker line at its end; None where that is not whole."""
    # A phone with the first shell protocol ends lines as a terminal does.
    output = output.replace(b"\r\n", b"\n")
    found = re.fullmatch(rb"(.*)" + marker.encode() + rb"=(\d{1,3})\n", output, re.DOTALL)
    return None if found is None else Answer(found[1], int(found[2]))


def state_error(state: str, serial: str) -> DeviceError:
    """The error for a phone that is in another state than `device`."""
    if state in ("offline", "connecting"):
        return OfflineError(f"{serial} ({state}): {FAILURES[3][2]}")
    for pattern, error, text in FAILURES:
        if re.search(pattern, f"device {state}"):
            return error(f"{serial}: {text}")
    return DeviceError(
        f"{serial} is in the state '{state}'; start Android on it (adb -s {shlex.quote(serial)} reboot) and "
        "measure again."
    )


def known_failure(done: subprocess.CompletedProcess[bytes]) -> DeviceError | None:
    """The named error for what adb has said, or None."""
    said = (done.stderr + done.stdout).decode("utf-8", "replace")
    for pattern, error, text in FAILURES:
        if re.search(pattern, said):
            return error(text)
    return None


def failure(done: subprocess.CompletedProcess[bytes]) -> DeviceError:
    """The error for an adb that has failed."""
    lines = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    said = lines[-1].strip() if lines else f"exit code {done.returncode}"
    return known_failure(done) or AdbError(f"adb failed ({said}); check the phone and measure again.")
