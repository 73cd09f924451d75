"""What every device must do, as tests that a third party's device inherits. Needs pytest.

class TestMyDevice(DeviceContract):
    @pytest.fixture
    def device(self) -> Device:
        return MyDevice(...)

    @pytest.fixture
    def artifact(self) -> Artifact:
        return load_artifact(Path("artifact.pt"))
"""

import json
from pathlib import Path

import pytest

from latency.artifact import Artifact
from latency.device import Device
from latency.errors import DeviceError, MissingArtifactError
from latency.measurement import MeasurementPlan, measure_batch
from latency.result import LatencyResult
from latency.runner.stream import RunRequest, Warmup

REQUEST = RunRequest(first=3, runs=40, checked=5, warmup=Warmup(window=5, tolerance=0.5, max_rounds=2))
PLAN = MeasurementPlan(runs=500, blocks=2, warmup=Warmup(window=5, tolerance=0.5, max_rounds=2))


class DeviceContract:
    """Inherit, and say what to test by overriding both fixtures."""

    @pytest.fixture
    def device(self) -> Device:
        """A device that is not open yet."""
        raise NotImplementedError

    @pytest.fixture
    def artifact(self) -> Artifact:
        """An artifact that the device can run, with at least five recorded inputs."""
        raise NotImplementedError

    def test_runs_come_in_the_order_of_the_request(self, device: Device, artifact: Artifact) -> None:
        """Every run is there, and every checked output is the one that was recorded at export."""
        with device as opened:
            report = opened.run(artifact, REQUEST)
        assert report.inputs == tuple((REQUEST.first + run) % artifact.inputs_count for run in range(40))
        assert len(report.ns) == REQUEST.runs
        assert min(report.ns) > 0
        assert report.outputs == tuple(artifact.parity_outputs[: REQUEST.checked])
        assert report.peak_bytes is None or report.peak_bytes > 0
        assert report.model_bytes is None or report.model_bytes >= 0

    def test_it_says_what_it_is(self, device: Device) -> None:
        """The description can be written as JSON and names the kind of device and its model."""
        with device as opened:
            described = json.loads(json.dumps(opened.describe()))
        assert described["device"]
        assert described["model"]
        assert all(isinstance(mark, str) for mark in described.get("marks", []))

    def test_closed_it_refuses_and_open_again_it_works(self, device: Device, artifact: Artifact) -> None:
        """What has been left can be entered again."""
        with device as opened:
            opened.describe()
        with pytest.raises(DeviceError):
            device.run(artifact, REQUEST)
        with device as opened:
            assert len(opened.run(artifact, REQUEST).ns) == REQUEST.runs

    def test_its_members_measure_side_by_side(self, device: Device) -> None:
        """It has members, itself or others, and those have none but themselves."""
        with device as opened:
            assert opened.members
            for member in opened.members:
                assert tuple(member.members) == (member,)

    def test_a_batch_is_measured_beside_a_control(
        self, device: Device, artifact: Artifact, tmp_path: Path
    ) -> None:
        """Each outcome comes once, one's error leaves the others alone, and an artifact is its own equal."""
        paths = [artifact.file, tmp_path / "nowhere.pt", artifact.file]
        with device as opened:
            outcomes = dict(measure_batch(paths, opened, PLAN, control=artifact.file))
        assert outcomes.keys() == {0, 1, 2}
        assert isinstance(outcomes[1], MissingArtifactError)
        for number in (0, 2):
            result = outcomes[number]
            assert isinstance(result, LatencyResult)
            metrics = result.metrics()
            assert metrics["runs"] == len(result.latencies_ms) >= PLAN.runs
            assert metrics["latency_p99_ratio_low"] <= metrics["latency_p99_ratio"]  # type: ignore[operator]
            assert metrics["latency_p99_ratio"] <= metrics["latency_p99_ratio_high"]  # type: ignore[operator]
            assert result.control is not None
            assert result.control.device["model"] == result.device["model"]
