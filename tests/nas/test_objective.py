"""One trial's two stages on real parts: a trained parser, its artifact, this host."""

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
from nas.objective import LatencyMeasurement, load_export_source
from nlu.batches import encode_words
from nlu.parser import load_parser


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


def test_the_manifest_can_turn_tokens_into_frames(artifact: Path, trained: Path) -> None:
    manifest = load_artifact(artifact).manifest
    assert tuple(manifest["description"]["ontology"]) == load_parser(trained).ontology.tokens
    assert manifest["parameters"] == sum(p.numel() for p in load_parser(trained).model.parameters())


def test_a_trial_is_measured_on_this_host(artifact: Path, tmp_path: Path) -> None:
    protocol = MeasurementPlan(runs=500, blocks=1, warmup=Warmup(window=20, tolerance=0.5, max_rounds=2))
    with LatencyMeasurement(HostDevice(runner="python"), protocol) as measurement:
        metrics = measurement({"artifact": str(artifact)}, tmp_path)
        assert metrics["runs"] == 500
        assert 0 < metrics["latency_p50_ms"] <= metrics["latency_p99_ms_low"] <= metrics["latency_p99_ms"]
        assert (tmp_path / "latency.json.gz").is_file()
        with pytest.raises(LatencyError, match="no artifact"):
            measurement({"artifact": "nowhere.pt"}, tmp_path)


class UnpluggedHost(HostDevice):
    """This host, which cannot be reached until it is plugged in."""

    plugged = False

    def __enter__(self) -> Self:
        if not self.plugged:
            raise DeviceError("the device is not attached")
        return super().__enter__()


def test_a_device_that_cannot_be_opened_fails_the_trial_and_is_tried_again(
    artifact: Path, tmp_path: Path
) -> None:
    device = UnpluggedHost(runner="python")
    protocol = MeasurementPlan(runs=500, blocks=1, warmup=Warmup(window=20, tolerance=0.5, max_rounds=2))
    with LatencyMeasurement(device, protocol) as measurement:
        with pytest.raises(DeviceError, match="not attached"):
            measurement({"artifact": str(artifact)}, tmp_path)
        device.plugged = True
        assert measurement({"artifact": str(artifact)}, tmp_path)["runs"] == 500
    assert device.runner is None
