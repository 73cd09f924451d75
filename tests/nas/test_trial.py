"""One trial's two stages on real parts: a trained parser, its artifact, this host."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

import pytest
import torch

from latency.artifact import load_artifact
from latency.device.host import HostDevice
from latency.errors import DeviceError, LatencyError
from latency.export import export
from latency.measurement import MeasurementPlan
from latency.runner.stream import Warmup
from nas.execution.measurement import Trained
from nas.trial import LatencyMeasurement, load_export_source
from nlu.batches import encode_words
from nlu.parser import load_parser
from tests.fresh_interpreter import run_fresh


@pytest.fixture(scope="module")
def artifact(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(load_export_source(str(trained)), tmp_path_factory.mktemp("artifact")).path


def test_both_files_give_the_very_frames_of_the_checkpoint(artifact: Path, trained: Path) -> None:
    parser = load_parser(trained)
    full = torch.jit.load(str(artifact))
    lite = torch.jit.mobile._load_for_lite_interpreter(str(artifact.with_suffix(".ptl")))
    for words in parser.utterances:
        pieces, starts, _ = encode_words(words, parser.tokenizer)
        expected = parser.model(pieces, starts).tolist()
        assert full(pieces, starts).tolist() == expected
        assert lite(pieces, starts).tolist() == expected


def test_measuring_does_not_load_what_only_trains() -> None:
    assert run_fresh("import nas.trial", "pytorch_lightning", "datasets") == ("", set())


def test_the_manifest_can_turn_tokens_into_frames(artifact: Path, trained: Path) -> None:
    manifest = load_artifact(artifact).manifest
    assert tuple(manifest["description"]["ontology"]) == load_parser(trained).ontology.tokens
    assert manifest["parameters"] == sum(p.numel() for p in load_parser(trained).model.parameters())


QUICK = MeasurementPlan(runs=600, blocks=2, warmup=Warmup(window=20, tolerance=0.5, max_rounds=2))


def trained_trial(number: int, artifact: Path | str, folder: Path) -> Trained:
    folder.mkdir(exist_ok=True)
    return Trained(number, {}, {"artifact": Path(artifact)}, folder)


def test_a_batch_is_measured_on_this_host_beside_the_reference(artifact: Path, tmp_path: Path) -> None:
    batch = [
        trained_trial(3, artifact, tmp_path / "3"),
        trained_trial(5, "nowhere.pt", tmp_path / "5"),
        Trained(7, {}, {}, tmp_path / "7"),
    ]
    control = trained_trial(0, artifact, tmp_path / "0")
    batch.append(control)
    found = dict(LatencyMeasurement(HostDevice(runner="python"), QUICK).measure_batch(batch, control))
    assert set(found) == {0, 3, 5, 7}
    metrics = found[3]
    assert isinstance(metrics, Mapping)
    assert metrics["runs"] == 600
    assert 0 < metrics["latency_p50_ms"] <= metrics["latency_p99_ms_low"] <= metrics["latency_p99_ms"]
    assert (
        metrics["latency_p99_ratio_low"] <= metrics["latency_p99_ratio"] <= metrics["latency_p99_ratio_high"]
    )
    assert metrics["latency_p99_ratio"] != 1
    assert isinstance(found[0], Mapping)
    assert found[0]["latency_p99_ratio"] == 1
    assert metrics["peak_memory_bytes"] > 1e6
    assert (tmp_path / "3" / "latency.json.gz").is_file()
    assert isinstance(found[5], LatencyError)
    assert "no artifact" in str(found[5])
    assert "left no artifact" in str(found[7])


class UnpluggedHost(HostDevice):
    """This host, which cannot be reached until it is plugged in."""

    plugged = False

    def __enter__(self) -> Self:
        if not self.plugged:
            raise DeviceError("the device is not attached")
        return super().__enter__()


def test_a_device_that_cannot_be_opened_fails_the_batch_and_is_tried_again(
    artifact: Path, tmp_path: Path
) -> None:
    device = UnpluggedHost(runner="python")
    measurement = LatencyMeasurement(device, QUICK)
    batch = [trained_trial(number, artifact, tmp_path / str(number)) for number in (0, 1)]
    found = dict(measurement.measure_batch(batch, batch[0]))
    assert [str(found[number]) for number in (0, 1)] == ["the device is not attached"] * 2
    device.plugged = True
    found = dict(measurement.measure_batch(batch, batch[0]))
    assert [found[number]["runs"] for number in (0, 1)] == [600, 600]  # type: ignore[index]
    assert device.runner is None
