from dataclasses import replace
from pathlib import Path

import pytest

from latency.artifact import Artifact
from latency.bundle_manifest import Bundle
from latency.device import Device
from latency.device.adb import FAILURES, Adb
from latency.device.android import AndroidDevice, Patience
from latency.device.host import HostDevice
from latency.device.pool import DevicePool
from latency.errors import (
    BundleError,
    DeviceConfigError,
    DeviceError,
    DeviceLostError,
    MixedDevicesError,
    NoDeviceError,
    OfflineError,
    RunnerCrashError,
    RunnerTimeoutError,
    SeveralDevicesError,
    StorageFullError,
    UnauthorizedError,
    WrongAbiError,
)
from latency.export import ExportSource, export
from latency.measurement import measure, measure_batch
from latency.result import LatencyResult
from latency.testing import BIG_LITTLE, Faults, Profile
from latency.testing.contract import DeviceContract
from tests.latency.conftest import Command
from tests.latency.device.conftest import ABI, HERE, PLAN, REQUEST, Attach, Phones, one_client
from tests.latency.modules import Crashing, Slow

pytestmark = pytest.mark.device


def test_measures_through_the_real_adb(
    attach: Attach, phones: Phones, artifact: Artifact, program: Path
) -> None:
    phone = phones(replace(BIG_LITTLE, abi=ABI))
    with attach(phone) as device:
        assert (phone.files.folder / "fixed_performance").read_text() == "true\n"
        result = measure(artifact.lite_path, device, PLAN)
        with HostDevice(runner="cpp") as host:
            expected = host.run(replace(artifact, file=artifact.lite_path), REQUEST)
        assert device.run(replace(artifact, file=artifact.lite_path), REQUEST).outputs == expected.outputs
    metrics = result.metrics()
    assert metrics["runs"] == 500
    assert metrics["outputs_differing"] == 0
    assert metrics["device_model"] == "Double 8"
    assert metrics["marks"] == ""
    assert result.device["frequencies_khz"] == list(BIG_LITTLE.frequencies)
    # The fastest of the eight cores is the last.
    assert (phone.files.folder / "mask").read_text() == "80\n"
    assert {"before", "after"} == {entry["moment"] for entry in result.device["conditions"]}
    # Clean afterwards: clocks released, only the bundle left.
    assert (phone.files.folder / "fixed_performance").read_text() == "false\n"
    assert [path.name.split("-")[0] for path in (phone.storage / "paretoparse").iterdir()] == ["bundle"]


def test_command_measures_on_a_phone(
    command: Command, adb: Adb, bundle: Bundle, phones: Phones, artifact: Artifact, tmp_path: Path
) -> None:
    options = [
        "device=android",
        f"artifact={artifact.lite_path}",
        f"device.adb.program={adb.program}",
        f"device.bundle={bundle.path}",
        "protocol.runs=500",
        "protocol.blocks=2",
    ]
    done = command("latency.benchmark", *options, variables=adb.environment)
    assert done.returncode == 1
    assert done.stderr == f"error: {FAILURES[0][2]}\n"
    address = phones(HERE).address
    done = command("latency.benchmark", *options, f"device.address='{address}'", variables=adb.environment)
    assert done.returncode == 0, done.stderr
    result = LatencyResult.load(next(tmp_path.glob("benchmark/*/latency.json.gz")))
    assert result.metrics()["runs"] == 500
    assert result.device["model"] == "Double 1"


@one_client
def test_pool_measures_each_artifact_on_one_phone(
    attach: Attach, phones: Phones, artifact: Artifact, adb: Adb, bundle: Bundle
) -> None:
    addresses = [phones(HERE).address, phones(HERE).address]
    devices = [
        AndroidDevice(str(bundle.path), address=address, adb=Adb(adb.program, environment=adb.environment))
        for address in addresses
    ]
    paths = [artifact.path, artifact.lite_path, artifact.path]
    with DevicePool(devices) as pool:
        outcomes = dict(measure_batch(paths, pool, PLAN, control=artifact.path))
    results = [outcomes[number] for number in range(3)]
    assert all(isinstance(result, LatencyResult) for result in results)
    assert [result.artifact["file"] for result in results] == [path.name for path in paths]
    assert [result.device["serial"] for result in results] == [addresses[0], addresses[1], addresses[0]]
    controls = [result.control for result in results]
    assert [control.device["serial"] for control in controls] == [addresses[0], addresses[1], addresses[0]]


@one_client
def test_pool_refuses_other_models(phones: Phones, adb: Adb, bundle: Bundle) -> None:
    doubles = [phones(HERE), phones(replace(HERE, model="Other"))]
    devices = [
        AndroidDevice(
            str(bundle.path), address=phone.address, adb=Adb(adb.program, environment=adb.environment)
        )
        for phone in doubles
    ]
    with pytest.raises(MixedDevicesError, match="Double 1, Other"), DevicePool(devices):
        pass
    # Those that were open already have been left as they were found.
    assert (doubles[0].files.folder / "fixed_performance").read_text() == "false\n"


@one_client
def test_bundle_and_artifact_are_pushed_once(attach: Attach, phones: Phones, artifact: Artifact) -> None:
    phone = phones(HERE)
    with attach(phone) as device:
        device.run(artifact, REQUEST)
        pushed = next(phone.storage.glob("paretoparse/artifact-*/artifact.pt"))
        first = pushed.stat().st_mtime_ns
        device.run(artifact, REQUEST)
        assert pushed.stat().st_mtime_ns == first
        pushed.write_bytes(b"damaged")
        device.run(artifact, REQUEST)
    runner = next(phone.storage.glob("paretoparse/bundle-*/latency_runner"))
    first = runner.stat().st_mtime_ns
    with attach(phone):
        assert runner.stat().st_mtime_ns == first


def test_old_shell_protocol_works(attach: Attach, phones: Phones, artifact: Artifact) -> None:
    with attach(phones(HERE, Faults(shell_v2=False))) as device:
        assert len(device.run(artifact, REQUEST).ns) == 60


def test_late_acceptance_of_the_key_works(attach: Attach, phones: Phones, artifact: Artifact) -> None:
    with attach(phones(HERE, Faults(key="accepted"))) as device:
        assert len(device.run(artifact, REQUEST).ns) == 60


@one_client
def test_slow_phone_works(attach: Attach, phones: Phones, artifact: Artifact) -> None:
    with attach(phones(HERE, Faults(delay=0.1))) as device:
        assert len(device.run(artifact, REQUEST).ns) == 60


def test_no_phone(adb: Adb, bundle: Bundle) -> None:
    with pytest.raises(NoDeviceError, match="plug one in"), AndroidDevice(str(bundle.path), adb=adb):
        pass


def test_unknown_serial(adb: Adb, bundle: Bundle, phones: Phones) -> None:
    adb.connect(phones(HERE).address)
    device = AndroidDevice(str(bundle.path), serial="nosuch", adb=adb)
    with pytest.raises(NoDeviceError, match="'nosuch' is not attached"), device:
        pass


def test_nothing_listens_at_the_address(adb: Adb, bundle: Bundle) -> None:
    device = AndroidDevice(str(bundle.path), address="127.0.0.1:1", adb=adb)
    with pytest.raises(NoDeviceError, match=r"answers at 127\.0\.0\.1:1"), device:
        pass


def test_several_phones(adb: Adb, bundle: Bundle, phones: Phones) -> None:
    first, second = phones(HERE), phones(HERE)
    adb.connect(first.address)
    adb.connect(second.address)
    with (
        pytest.raises(SeveralDevicesError, match=r"device\.serial"),
        AndroidDevice(str(bundle.path), adb=adb),
    ):
        pass
    with AndroidDevice(str(bundle.path), serial=second.address, adb=adb) as device:
        assert device.describe()["serial"] == second.address


def test_rejected_key(attach: Attach, phones: Phones) -> None:
    with (
        pytest.raises(UnauthorizedError, match="Allow USB debugging"),
        attach(phones(HERE, Faults(key="rejected"))),
    ):
        pass


@pytest.mark.long
def test_silent_phone(attach: Attach, phones: Phones) -> None:
    with pytest.raises(OfflineError, match="does not answer"), attach(phones(HERE, Faults(silent=True))):
        pass


def test_full_storage(attach: Attach, phones: Phones) -> None:
    with (
        pytest.raises(StorageFullError, match="free some space"),
        attach(phones(HERE, Faults(disk_bytes=1000))),
    ):
        pass


def test_connection_lost_in_mid_run_is_never_a_number(
    attach: Attach, phones: Phones, artifact: Artifact
) -> None:
    phone = phones(HERE)
    with attach(phone, patience=Patience(timeout=60, repeats=1)) as device:
        phone.faults.drop_after, phone.faults.drops = 700, 99
        with pytest.raises(DeviceLostError, match="broke off"):
            device.run(artifact, REQUEST)


def test_connection_lost_once_is_tried_again(attach: Attach, phones: Phones, artifact: Artifact) -> None:
    phone = phones(HERE)
    with attach(phone) as device:
        phone.faults.drop_after = 700
        assert len(device.run(artifact, REQUEST).ns) == 60
        assert phone.faults.drops == 0


def test_crash_of_the_runner(attach: Attach, phones: Phones, tmp_path: Path) -> None:
    crashing = export(ExportSource(Crashing().eval(), [[[1]], [[1] * 9]], {}), tmp_path, parity_inputs=1)
    with attach(phones(HERE)) as device, pytest.raises(RunnerCrashError, match="too long for me"):
        device.run(crashing, REQUEST)


def test_time_out_ends_the_runner_on_the_phone(attach: Attach, phones: Phones, tmp_path: Path) -> None:
    source = ExportSource(Slow().eval(), [[[1]], [[1_000_000]]], {})
    slow = export(source, tmp_path, parity_inputs=1)
    phone = phones(HERE)
    named = pytest.raises(RunnerTimeoutError, match="within 3 seconds on the phone")
    with attach(phone, patience=Patience(timeout=3)) as device, named:
        device.run(slow, REQUEST)
    assert not running_below(phone.files.folder)


def running_below(folder: Path) -> list[str]:
    """Processes whose working directory lies in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve().is_relative_to(folder):
                found.append(process.name)
        except OSError:
            continue
    return found


def test_interrupt_cleans_up(attach: Attach, phones: Phones, artifact: Artifact) -> None:
    phone = phones(HERE)

    def interrupted() -> None:
        with attach(phone) as device:
            device.run(artifact, REQUEST)
            assert list(phone.storage.glob("paretoparse/artifact-*"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (phone.files.folder / "fixed_performance").read_text() == "false\n"
    assert not list(phone.storage.glob("paretoparse/artifact-*"))


@one_client
def test_bundle_for_another_architecture(attach: Attach, phones: Phones) -> None:
    with (
        pytest.raises(WrongAbiError, match=r"python -m latency\.bundle abi="),
        attach(phones(Profile(abi="riscv64"))),
    ):
        pass


@one_client
def test_program_that_the_phone_cannot_run(
    phones: Phones, adb: Adb, artifact: Artifact, tmp_path: Path
) -> None:
    folder = tmp_path / "foreign"
    folder.mkdir()
    (folder / "latency_runner").write_bytes(b"\x7fELF\x02\x01\x01" + bytes(100))
    Bundle.describe(folder, abi=ABI, torch="none", command=("./latency_runner",)).save()
    device = AndroidDevice(str(folder), address=phones(HERE).address, adb=adb)
    with device, pytest.raises(WrongAbiError, match="Exec format error"):
        device.run(artifact, REQUEST)


def test_settings_and_bundles_that_cannot_be(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(DeviceConfigError, match="NOISE"):
        AndroidDevice(str(bundle.path), suppress=["NOISE"])
    with pytest.raises(DeviceConfigError, match="threads"):
        AndroidDevice(str(bundle.path), threads=0)
    with pytest.raises(DeviceConfigError, match="patience"):
        Patience(timeout=0)
    with pytest.raises(BundleError, match=r"latency\.bundle"):
        AndroidDevice(None)
    with pytest.raises(BundleError, match="is not a bundle"):
        AndroidDevice(str(tmp_path))


def test_missing_adb_is_named(bundle: Bundle) -> None:
    device = AndroidDevice(str(bundle.path), adb=Adb("/nonexistent/adb"))
    with pytest.raises(DeviceError, match="install adb"), device:
        pass


@one_client
class TestContract(DeviceContract):
    @pytest.fixture
    def device(self, attach: Attach, phones: Phones) -> Device:
        return attach(phones(HERE))

    @pytest.fixture
    def artifact(self, artifact: Artifact) -> Artifact:
        return artifact
