import subprocess
import sys
from pathlib import Path

import pytest

from latency.artifact import Artifact
from latency.bundle_manifest import Bundle
from latency.device.adb import Adb
from latency.device.android import AndroidDevice
from latency.device.lock import lock_phone
from latency.errors import DeviceBusyError, DeviceError
from tests.latency.conftest import ROOT, Command
from tests.latency.device.conftest import HERE, REQUEST, Phones, one_client

BUSY = r"Another benchmark is using the phone {}; wait .* device\.serial"


def test_lock_is_for_one_phone_and_until_it_is_released() -> None:
    first = lock_phone("127.0.0.1:5555")
    lock_phone("127.0.0.1_5555").release()
    with pytest.raises(DeviceBusyError, match=BUSY.format(r"127\.0\.0\.1:5555")):
        lock_phone("127.0.0.1:5555")
    first.release()
    lock_phone("127.0.0.1:5555").release()


def test_killed_process_leaves_no_lock() -> None:
    program = "import time; from latency.device.lock import lock_phone; lock = lock_phone('A'); "
    program += "print('held', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(DeviceBusyError):
            lock_phone("A")
        holder.kill()
    lock_phone("A").release()


def test_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(DeviceError, match="set XDG_CACHE_HOME"):
        lock_phone("A")


@one_client
@pytest.mark.device
def test_second_benchmark_is_refused_and_leaves_the_first_alone(
    phones: Phones, adb: Adb, bundle: Bundle, artifact: Artifact, command: Command
) -> None:
    phone = phones(HERE)
    first, second = (
        AndroidDevice(
            str(bundle.path), address=phone.address, adb=Adb(adb.program, environment=adb.environment)
        )
        for _ in range(2)
    )
    with first:
        first.run(artifact, REQUEST)
        with pytest.raises(DeviceBusyError, match=BUSY.format(phone.address)), second:
            pass
        done = command(
            "latency.benchmark",
            "device=android",
            f"artifact={artifact.path}",
            f"device.adb.program={adb.program}",
            f"device.bundle={bundle.path}",
            f"device.address='{phone.address}'",
            variables=adb.environment,
        )
        assert done.returncode == 1
        assert done.stderr.startswith("error: Another benchmark is using the phone")
        # Neither has tidied up what the first still needs.
        assert (phone.files.folder / "fixed_performance").read_text() == "true\n"
        assert list(phone.storage.glob("paretoparse/artifact-*"))
        assert len(first.run(artifact, REQUEST).ns) == 60
    with second:
        assert len(second.run(artifact, REQUEST).ns) == 60


@one_client
@pytest.mark.device
def test_refused_phone_is_free_again(phones: Phones, adb: Adb, bundle: Bundle) -> None:
    phone = phones(HERE)
    device = AndroidDevice(str(bundle.path), address=phone.address, cores=[99], adb=adb)
    with pytest.raises(DeviceError, match=r"device\.cores"), device:
        pass
    lock_phone(phone.address).release()
