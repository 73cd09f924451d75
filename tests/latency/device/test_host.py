import os
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from latency.artifact import Artifact
from latency.device.host import HostDevice
from latency.errors import DeviceConfigError, DeviceError, RunnerCrashError, RunnerTimeoutError
from latency.export import ExportSource, export
from latency.runner.stream import RunRequest, Warmup
from tests.latency.modules import Crashing, Slow

REQUEST = RunRequest(first=5, runs=50, checked=10, warmup=Warmup(window=10))


def test_runs_come_in_order_from_one_pinned_thread(host: HostDevice, artifact: Artifact) -> None:
    report = host.run(artifact, REQUEST)
    assert report.inputs == tuple((5 + run) % artifact.inputs_count for run in range(50))
    assert report.threads == 1
    assert list(report.cores) == host.cores
    assert len(report.cores) == 1
    assert report.outputs == tuple(artifact.parity_outputs[:10])
    assert report.warmup_runs >= 30
    assert report.load_ns > 0
    assert report.peak_bytes is None or report.peak_bytes > 1e7


def test_lite_file_gives_the_same_outputs(host: HostDevice, artifact: Artifact) -> None:
    report = host.run(replace(artifact, file=artifact.lite_path), REQUEST)
    assert report.outputs == tuple(artifact.parity_outputs[:10])
    assert "lite" in report.runtime


def test_description_names_the_machine(host: HostDevice) -> None:
    description = host.describe()
    assert description["device"] == "host"
    assert description["model"]


def test_crash_is_reported_and_the_device_goes_on(
    host: HostDevice, artifact: Artifact, tmp_path: Path
) -> None:
    crashing = export(ExportSource(Crashing().eval(), [[[1]], [[1] * 9]], {}), tmp_path, parity_inputs=1)
    with pytest.raises(RunnerCrashError, match=r"ended with exit code 1.*too long for me"):
        host.run(crashing, REQUEST)
    assert len(host.run(artifact, REQUEST).ns) == 50


def test_stuck_runner_is_stopped(tmp_path: Path) -> None:
    slow = export(ExportSource(Slow().eval(), [[[1]]], {}), tmp_path)
    with HostDevice(timeout=3) as device:
        with pytest.raises(RunnerTimeoutError, match="within 3 seconds"):
            device.run(slow, REQUEST)
        assert device._server is None


def test_death_of_the_server_is_an_error_and_heals(artifact: Artifact) -> None:
    with HostDevice() as device:
        device.run(artifact, REQUEST)
        assert device._server is not None
        os.kill(device._server.pid, signal.SIGKILL)
        with pytest.raises(RunnerCrashError, match="has died"):
            device.run(artifact, REQUEST)
        assert len(device.run(artifact, REQUEST).ns) == 50


def test_nothing_is_left_behind(artifact: Artifact) -> None:
    with HostDevice() as device:
        device.run(artifact, REQUEST)
        assert device._server is not None
        assert device._folder is not None
        group, folder = device._server.pid, device._folder.name
    assert not Path(folder).exists()
    assert (
        subprocess.run(
            ["ps", "-o", "pid=", "-g", str(group)], capture_output=True, check=False
        ).stdout.strip()
        == b""
    )


def test_closed_device_refuses(artifact: Artifact) -> None:
    with pytest.raises(DeviceError, match="with statement"):
        HostDevice().run(artifact, REQUEST)


@pytest.mark.parametrize("values", [{"threads": 0}, {"timeout": 0}, {"cores": [9999]}, {"cores": []}])
def test_impossible_settings_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(DeviceConfigError):
        HostDevice(**values)  # type: ignore[arg-type]
