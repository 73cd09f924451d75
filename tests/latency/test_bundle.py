import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from latency.artifact import Artifact
from latency.bundle import make_bundle
from latency.bundle_manifest import Bundle
from latency.device.adb import Adb
from latency.device.android import AndroidDevice
from latency.errors import BundleError
from latency.export import export
from latency.measurement import MeasurementPlan, measure
from latency.runner.stream import Warmup
from latency.source import ExportSource
from latency.testing import PLAIN, PhoneDouble
from tests.latency.conftest import ROOT, Command
from tests.latency.modules import Tagger, real_inputs


def small_bundle(folder: Path) -> Bundle:
    folder.mkdir()
    (folder / "latency_runner").write_bytes(b"program")
    (folder / "libc.so").write_bytes(b"library")
    bundle = Bundle.describe(folder, abi="x86_64", torch="2.13.0", command=("./latency_runner",))
    bundle.save()
    return bundle


def test_bundle_round_trip_and_identity(tmp_path: Path) -> None:
    bundle = small_bundle(tmp_path / "a")
    assert Bundle.load(bundle.path) == bundle
    assert small_bundle(tmp_path / "b").identity == bundle.identity
    (tmp_path / "b" / "libc.so").write_bytes(b"another")
    changed = Bundle.describe(tmp_path / "b", abi="x86_64", torch="2.13.0", command=("./latency_runner",))
    assert changed.identity != bundle.identity


def test_damaged_bundles_are_refused(tmp_path: Path) -> None:
    bundle = small_bundle(tmp_path / "a")
    (bundle.path / "libc.so").write_bytes(b"damaged")
    with pytest.raises(BundleError, match=r"libc\.so' is missing or damaged"):
        Bundle.load(bundle.path)
    manifest = bundle.path / "bundle.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": 9}))
    with pytest.raises(BundleError, match="unknown format"):
        Bundle.load(bundle.path)


def test_unknown_architecture_and_foreign_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="arm64-v8a or x86_64; got 'mips'"):
        make_bundle("mips", tmp_path / "out", tmp_path / "cache")
    with pytest.raises(BundleError, match="not empty and no bundle"):
        make_bundle("x86_64", ROOT / "tests", tmp_path)
    assert (ROOT / "tests").is_dir()


def test_command_refuses_in_one_line(command: Command) -> None:
    done = command("latency.bundle")
    assert (done.returncode, done.stderr) == (1, "error: No folder was named; add out=DIR.\n")


@pytest.mark.long
@pytest.mark.device
@pytest.mark.parametrize(("abi", "interpreter"), [("x86_64", ""), ("arm64-v8a", "qemu-aarch64-static")])
def test_bundle_gives_the_hosts_frames_on_a_phone(abi: str, interpreter: str, tmp_path: Path) -> None:
    """The whole path: the bundle is made, pushed by adb and run, for arm64 under an emulator of the
    processor.
    """
    if shutil.which("adb") is None or (interpreter and shutil.which(interpreter) is None):
        pytest.skip(f"needs adb {interpreter}")
    if interpreter and shutil.which("aarch64-linux-gnu-g++") is None:
        pytest.skip("needs g++-aarch64-linux-gnu")
    cache = Path(os.environ.get("PARETOPARSE_BUNDLE_CACHE", ROOT / "outputs" / "bundle-cache"))
    bundle = make_bundle(abi, tmp_path / "bundle", cache)
    artifact: Artifact = export(ExportSource(Tagger().eval(), real_inputs(50), {}), tmp_path / "artifact")
    environment = {
        "HOME": str(tmp_path),
        "ANDROID_ADB_SERVER_PORT": "5397",
        "ADB_LOCAL_TRANSPORT_MAX_PORT": "5",
    }
    adb = Adb(environment=environment)
    protocol = MeasurementPlan(runs=500, blocks=1, warmup=Warmup(window=5, max_rounds=2))
    try:
        with PhoneDouble(replace(PLAIN, abi=abi, interpreter=interpreter), tmp_path / "phone") as phone:
            device = AndroidDevice(str(bundle.path), address=phone.address, adb=adb)
            with device:
                results = [measure(file, device, protocol) for file in (artifact.path, artifact.lite_path)]
    finally:
        adb.serial = None
        adb.run(["kill-server"], timeout=30)
    for result in results:
        # Fifty outputs, each compared with what the module gave on the host.
        assert len(result.blocks[0].outputs) == 50
        assert result.outputs_differing == 0
        assert bundle.torch.partition("+")[0] in result.blocks[0].runtime
