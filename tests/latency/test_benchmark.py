import gzip
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency.artifact import Artifact
from latency.device.host import HostDevice
from latency.errors import OutputMismatchError, PlanError
from latency.export import export
from latency.measurement import MeasurementPlan, measure
from latency.result import LatencyResult
from latency.runner.stream import Warmup
from latency.statistics import percentile, percentile_interval
from tests.latency.conftest import Command
from tests.latency.modules import source

SHORT = MeasurementPlan(runs=500, blocks=2, warmup=Warmup(window=10))


@given(st.integers(500, 5000), st.integers(1, 9), st.integers(1, 1200))
def test_blocks_together_use_every_input_equally_often(runs: int, blocks: int, inputs: int) -> None:
    requests = MeasurementPlan(runs=runs, blocks=blocks).requests(inputs, checked=1)
    used = Counter((request.first + run) % inputs for request in requests for run in range(request.runs))
    assert len(used) == inputs
    assert len(set(used.values())) == 1
    assert runs <= sum(request.runs for request in requests) < runs + inputs
    sizes = [request.runs for request in requests]
    assert max(sizes) - min(sizes) <= 1


def test_summary_is_of_every_raw_run(host: HostDevice, artifact: Artifact, tmp_path: Path) -> None:
    result = measure(artifact.path, host, SHORT)
    metrics = result.metrics()
    latencies = result.latencies_ms
    assert metrics["runs"] == len(latencies) == 500
    assert metrics["latency_p99_ms"] == percentile(latencies, 99) == sorted(latencies)[494]
    interval = percentile_interval(latencies, 99)
    assert interval is not None
    assert (metrics["latency_p99_ms_low"], metrics["latency_p99_ms_high"]) == (interval.low, interval.high)
    assert metrics["latency_p50_ms"] <= metrics["latency_p90_ms"] <= metrics["latency_p99_ms"]
    assert "latency_p99_9_ms" not in metrics
    assert metrics["outputs_differing"] == 0
    result.save(tmp_path / "latency.json.gz")
    saved = json.loads(gzip.decompress((tmp_path / "latency.json.gz").read_bytes()))
    assert [ns / 1e6 for block in saved["blocks"] for ns in block["ns"]] == latencies
    assert saved["device"]["device"] == "host"
    assert saved["artifact"]["sha256"] == artifact.manifest["files"]["artifact.pt"]["sha256"]


def test_other_outputs_are_refused_or_marked(host: HostDevice, tmp_path: Path) -> None:
    forged = export(source(), tmp_path)
    forged.manifest["parity"]["outputs"][3] = "0" * 16
    forged.manifest_path.write_text(json.dumps(forged.manifest))
    with pytest.raises(OutputMismatchError, match="1 of 20 outputs"):
        measure(forged.path, host, SHORT)
    marked = measure(forged.path, host, replace(SHORT, require_same_outputs=False))
    assert marked.metrics()["outputs_differing"] == 1


@pytest.mark.parametrize("values", [{"runs": 499}, {"blocks": 0}, {"runs": 500, "blocks": 501}])
def test_untrustworthy_plans_are_refused(values: dict[str, int]) -> None:
    with pytest.raises(PlanError):
        MeasurementPlan(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize("values", [{"window": 0}, {"max_rounds": 1}, {"tolerance": 0.0}])
def test_impossible_warm_ups_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(PlanError):
        Warmup(**values)  # type: ignore[arg-type]


def test_command_measures_and_leaves_its_files(command: Command, artifact: Artifact, tmp_path: Path) -> None:
    files = [f"artifact={artifact.lite_path}", f"control={artifact.path}"]
    done = command("latency.benchmark", *files, "protocol.runs=500")
    assert done.returncode == 0, done.stderr
    folder = next(tmp_path.glob("benchmark/*"))
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["runs"] == 500
    assert 0 < metrics["latency_p99_ms_low"] <= metrics["latency_p99_ms"] <= metrics["latency_p99_ms_high"]
    assert LatencyResult.load(folder / "latency.json.gz").artifact["file"] == "artifact.ptl"
    assert (
        metrics["latency_p99_ratio_low"] <= metrics["latency_p99_ratio"] <= metrics["latency_p99_ratio_high"]
    )
    assert "latency_p99_ms" in done.stdout
    assert "p99 over the control's" in done.stdout


def test_command_tells_every_failure_and_loses_no_result(
    command: Command, artifact: Artifact, tmp_path: Path
) -> None:
    done = command("latency.benchmark", f"artifact=[x.pt,{artifact.path},y.pt]", "protocol.runs=500")
    assert done.returncode == 1
    assert "'x.pt'" in done.stderr
    assert "'y.pt'" in done.stderr
    assert done.stderr.endswith("error: 2 of 3 artifacts could not be measured; see above why.\n")
    assert (
        LatencyResult.load(next(tmp_path.glob("benchmark/*/1/latency.json.gz"))).artifact["file"]
        == "artifact.pt"
    )


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([], "No artifact was named; add artifact=FILE"),
        (["artifact=nowhere.pt"], "There is no artifact at 'nowhere.pt'"),
        (["artifact=x.pt", "control='[y].pt'"], "There is no artifact at"),
        (["artifact=pyproject.toml"], "not a TorchScript file"),
        (["artifact=x.pt", "protocol.runs=400"], "at least 500"),
        (["artifact=x.pt", "device.threads=0"], "at least 1"),
    ],
)
def test_command_refuses_in_one_line(overrides: list[str], message: str, command: Command) -> None:
    done = command("latency.benchmark", *overrides)
    assert done.returncode == 1
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
