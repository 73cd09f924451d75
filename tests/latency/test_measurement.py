"""Batches in turns, with a control, on one device and on several."""

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from latency.artifact import Artifact
from latency.device import Device
from latency.device.host import HostDevice
from latency.device.pool import DevicePool
from latency.errors import DeviceConfigError, DeviceError, MissingArtifactError, RunnerCrashError
from latency.measurement import MeasurementPlan, measure, measure_batch
from latency.result import LatencyResult
from latency.runner.stream import RunReport, RunRequest, Warmup
from latency.testing.contract import DeviceContract

PLAN = MeasurementPlan(runs=500, blocks=3, warmup=Warmup(window=10), seed=1)


class Simulated(Device):
    """A device whose clock is made up: every run takes as long as its artifact's suffix and the turn say."""

    def __init__(
        self,
        name: str = "a",
        drift: Sequence[float] = (1.0, 1.0, 1.0),
        fail: str = "",
        meet: threading.Barrier | None = None,
    ) -> None:
        self.name, self.drift, self.fail, self.meet = name, drift, fail, meet
        self.order: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def describe(self) -> dict[str, Any]:
        return {"device": "simulated", "model": "m", "serial": self.name}

    def run(self, artifact: Artifact, request: RunRequest) -> RunReport:
        name = artifact.file.suffix
        turn = self.order.count(name)
        self.order.append(name)
        if self.meet is not None and len(self.order) == 1:
            self.meet.wait(timeout=30)
        if name == self.fail:
            raise RunnerCrashError("it fails")
        base = {".pt": 2_000_000, ".ptl": 1_000_000}[name] * self.drift[turn % len(self.drift)]
        return RunReport(
            runner="simulated",
            runtime="none",
            threads=1,
            cores=(),
            load_ns=1,
            peak_bytes=None,
            warmup_runs=0,
            warm=True,
            outputs=tuple(artifact.parity_outputs[: request.checked]),
            inputs=tuple((request.first + run) % artifact.inputs_count for run in range(request.runs)),
            ns=tuple(int(base * (1 + 0.001 * ((7 * run) % 100))) for run in range(request.runs)),
        )


def test_every_turn_has_one_block_of_each_and_of_the_control(artifact: Artifact) -> None:
    device = Simulated()
    plan = replace(PLAN, blocks=6)
    dict(measure_batch([artifact.path], device, plan, control=artifact.lite_path))
    turns = [device.order[start : start + 2] for start in range(0, 12, 2)]
    assert [sorted(turn) for turn in turns] == [[".pt", ".ptl"]] * 6
    assert len({tuple(turn) for turn in turns}) == 2


def test_one_error_leaves_the_others_alone_and_is_told_at_once(artifact: Artifact, tmp_path: Path) -> None:
    paths = [artifact.path, tmp_path / "nowhere.pt", artifact.lite_path]
    outcomes = list(measure_batch(paths, Simulated(fail=".pt"), PLAN))
    assert [number for number, _ in outcomes] == [1, 0, 2]
    assert isinstance(outcomes[0][1], MissingArtifactError)
    assert isinstance(outcomes[1][1], RunnerCrashError)
    assert isinstance(outcomes[2][1], LatencyResult)


def test_drift_between_turns_changes_the_p99_and_not_the_ratio(artifact: Artifact) -> None:
    ratios, p99s = [], []
    for drift in ((1.0, 1.0, 1.0), (1.0, 3.0, 0.5)):
        ((_, result),) = measure_batch([artifact.path], Simulated(drift=drift), PLAN, artifact.lite_path)
        assert isinstance(result, LatencyResult)
        metrics = result.metrics()
        p99s.append(metrics["latency_p99_ms"])
        ratios.append(metrics["latency_p99_ratio"])
        assert metrics["latency_p99_ratio_low"] <= 2 <= metrics["latency_p99_ratio_high"]
        assert metrics["latency_p99_ratio_high"] - metrics["latency_p99_ratio_low"] < 0.02
        assert metrics["latency_p99_ratio_se"] < 0.01
        assert metrics["latency_p99_ms"] / metrics["latency_p99_ms_control"] == metrics["latency_p99_ratio"]
        assert "peak_memory_bytes" not in metrics
    assert p99s[1] > 2 * p99s[0]
    assert ratios[1] == pytest.approx(ratios[0], rel=0.01)


def test_a_control_that_fails_takes_only_the_ratio(
    artifact: Artifact, caplog: pytest.LogCaptureFixture
) -> None:
    ((_, result),) = measure_batch([artifact.path], Simulated(fail=".ptl"), PLAN, artifact.lite_path)
    assert isinstance(result, LatencyResult)
    assert "latency_p99_ratio" not in result.metrics()
    assert "it fails" in caplog.text


def test_a_result_keeps_its_control(artifact: Artifact, tmp_path: Path) -> None:
    ((_, result),) = measure_batch([artifact.path], Simulated(), PLAN, artifact.lite_path)
    assert isinstance(result, LatencyResult)
    result.save(tmp_path / "file")
    assert LatencyResult.load(tmp_path / "file").metrics() == result.metrics()


def test_a_pool_divides_a_batch_and_compares_on_the_same_phone(artifact: Artifact) -> None:
    # Neither goes on before the other has begun.
    meet = threading.Barrier(2)
    phones = [Simulated("a", drift=[1.0], meet=meet), Simulated("b", drift=[10.0], meet=meet)]
    with DevicePool(phones) as pool:
        outcomes = dict(measure_batch([artifact.path] * 3, pool, PLAN, artifact.lite_path))
        assert measure(artifact.path, pool, PLAN).device["serial"] == "a"
    results = [outcomes[number] for number in range(3)]
    assert all(isinstance(result, LatencyResult) for result in results)
    assert [result.device["serial"] for result in results] == ["a", "b", "a"]  # type: ignore[union-attr]
    for result in results:
        assert result.metrics()["latency_p99_ratio"] == pytest.approx(2)  # type: ignore[union-attr]


def test_more_phones_than_artifacts_leave_some_idle(artifact: Artifact) -> None:
    phones = [Simulated("a"), Simulated("b")]
    with DevicePool(phones) as pool:
        assert len(dict(measure_batch([artifact.path], pool, PLAN, artifact.lite_path))) == 1
        assert list(measure_batch([], pool, PLAN, artifact.lite_path)) == []
    assert phones[1].order == []


class Unhurried(Simulated):
    """One that leaves its listener time, on a busy machine too, to stop before all is measured."""

    def run(self, artifact: Artifact, request: RunRequest) -> RunReport:
        time.sleep(0.01)
        return super().run(artifact, request)


def test_whoever_stops_listening_waits_for_no_other_block(artifact: Artifact, tmp_path: Path) -> None:
    phones = [Unhurried("a"), Unhurried("b")]
    plan = replace(PLAN, blocks=400)
    with DevicePool(phones) as pool:
        outcomes = measure_batch([tmp_path / "nowhere.pt", *[artifact.path] * 5], pool, plan)
        next(outcomes)
        outcomes.close()  # type: ignore[attr-defined]
    assert sum(len(phone.order) for phone in phones) < 400 * 5


def test_a_pool_of_none_is_refused() -> None:
    with pytest.raises(DeviceConfigError, match="at least one"):
        DevicePool([])


class TestHost(DeviceContract):
    @pytest.fixture
    def device(self) -> Device:
        return HostDevice(runner="python")

    @pytest.fixture
    def artifact(self, artifact: Artifact) -> Artifact:
        return artifact


class TestHostByProgram(TestHost):
    @pytest.fixture
    def device(self, program: Path) -> Device:
        return HostDevice(runner="cpp")


class TestPool(TestHost):
    @pytest.fixture
    def device(self) -> Device:
        return DevicePool([HostDevice(runner="python"), HostDevice(runner="python")])


def test_a_pool_that_is_not_open_refuses(artifact: Artifact) -> None:
    with pytest.raises(DeviceError, match="not open"):
        DevicePool([Simulated()]).run(artifact, RunRequest(0, 1, 0, Warmup()))
