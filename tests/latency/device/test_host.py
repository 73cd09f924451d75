import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from latency.artifact import Artifact
from latency.device.host import HostDevice
from latency.errors import DeviceConfigError, DeviceError, RunnerCrashError
from latency.export import ExportSource, export
from latency.runner.stream import RunRequest, Warmup
from tests.latency.modules import Crashing

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
    assert report.model_bytes is None or 0 < report.model_bytes < report.peak_bytes


def test_lite_file_gives_the_same_outputs(host: HostDevice, artifact: Artifact) -> None:
    report = host.run(replace(artifact, file=artifact.lite_path), REQUEST)
    assert report.outputs == tuple(artifact.parity_outputs[:10])
    assert "lite" in report.runtime


def test_description_names_the_machine(host: HostDevice) -> None:
    description = host.describe()
    assert description["device"] == "host"
    assert description["model"]


def test_cpp_runner_reports_the_same(host: HostDevice, artifact: Artifact, program: Path) -> None:
    with HostDevice(runner="cpp") as device:
        for file in (artifact.path, artifact.lite_path):
            measured = replace(artifact, file=file)
            python, cpp = host.run(measured, REQUEST), device.run(measured, REQUEST)
            assert (python.runner, cpp.runner) == ("python", "cpp")
            same = ("inputs", "outputs", "threads", "cores")
            assert [getattr(cpp, name) for name in same] == [getattr(python, name) for name in same]
            assert python.runtime.replace("+cpu", "") == cpp.runtime


def test_crash_is_reported_and_the_device_goes_on(
    host: HostDevice, artifact: Artifact, tmp_path: Path
) -> None:
    crashing = export(ExportSource(Crashing().eval(), [[[1]], [[1] * 9]], {}), tmp_path, parity_inputs=1)
    with pytest.raises(RunnerCrashError, match=r"ended with exit code 1.*too long for me"):
        host.run(crashing, REQUEST)
    assert len(host.run(artifact, REQUEST).ns) == 50


def of_the_future(artifact: Artifact, folder: Path) -> Artifact:
    """The artifact with an operator that no torch has yet, as one that a newer torch exported."""
    for file in (artifact.inputs_path, artifact.lite_path):
        shutil.copy(file, folder)
    changed = Artifact(folder / artifact.file.name, artifact.manifest)
    with zipfile.ZipFile(artifact.path) as old, zipfile.ZipFile(changed.path, "w") as new:
        for item in old.infolist():
            new.writestr(item.filename, old.read(item).replace(b"torch.argmax(", b"torch.argmax9("))
    return changed


@pytest.mark.parametrize("runner", ["python", "cpp"])
def test_an_unknown_operator_is_named_with_the_remedy(
    runner: str, artifact: Artifact, program: Path, tmp_path: Path
) -> None:
    with (
        HostDevice(runner=runner) as device,
        pytest.raises(RunnerCrashError, match=r"aten::argmax9.*lacks an operator"),
    ):
        device.run(of_the_future(artifact, tmp_path), REQUEST)


def test_closed_device_refuses(artifact: Artifact) -> None:
    with pytest.raises(DeviceError, match="with statement"):
        HostDevice().run(artifact, REQUEST)


@pytest.mark.parametrize(
    "values", [{"runner": "rust"}, {"threads": 0}, {"timeout": 0}, {"cores": [9999]}, {"cores": []}]
)
def test_impossible_settings_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(DeviceConfigError):
        HostDevice(**values)  # type: ignore[arg-type]
