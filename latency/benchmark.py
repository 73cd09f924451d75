"""Measure an artifact's latency on a device.

    python -m latency.benchmark artifact=FILE device=host

The protocol: every block is a fresh process that loads the artifact, warms up until two rounds take equally
long, and then times its share of the runs. The runs of all blocks together use every recorded input equally
often.
"""

import dataclasses
import itertools
import math
from dataclasses import dataclass, field
from pathlib import Path

import hydra
from omegaconf import DictConfig
from rich.console import Console

from latency.artifact import Artifact, load_artifact
from latency.cli import output_dir, report_errors, report_metrics
from latency.device import Device
from latency.errors import MissingArtifactError, OutputMismatchError, ProtocolError
from latency.result import LatencyResult
from latency.runner.stream import RunReport, RunRequest, Warmup

MINIMUM_RUNS = 500


@dataclass(frozen=True)
class MeasurementProtocol:
    """How an artifact is measured.

    Attributes:
        runs: timed runs in all, at least 500; rounded up to a multiple of the number of inputs.
        blocks: processes among which the runs are divided, at least 1.
        warmup: when a process counts as warm.
        require_same_outputs: refuse a result whose outputs differ from those recorded at export; if false,
            it is marked.
    """

    runs: int = 2000
    blocks: int = 4
    warmup: Warmup = field(default_factory=Warmup)
    require_same_outputs: bool = True

    def __post_init__(self) -> None:
        if self.runs < MINIMUM_RUNS:
            raise ProtocolError(
                f"protocol.runs={self.runs} is too few for a 99th percentile with a confidence interval; "
                f"ask for at least {MINIMUM_RUNS}."
            )
        if not 1 <= self.blocks <= self.runs:
            raise ProtocolError(f"protocol.blocks must lie between 1 and protocol.runs; got {self.blocks}.")

    def requests(self, inputs: int, checked: int) -> list[RunRequest]:
        """Divide the runs over blocks so that together they use each of the inputs equally often.

        Args:
            inputs: number of recorded inputs.
            checked: outputs of so many first inputs are compared, in every block.

        Returns:
            One request a block; a block goes on with the input at which the one before stopped.
        """
        total = math.ceil(self.runs / inputs) * inputs
        edges = [total * block // self.blocks for block in range(self.blocks + 1)]
        return [
            RunRequest(first=start % inputs, runs=end - start, checked=checked, warmup=self.warmup)
            for start, end in itertools.pairwise(edges)
        ]


def measure(artifact: Path, device: Device, protocol: MeasurementProtocol) -> LatencyResult:
    """Measure one artifact.

    Args:
        artifact: the `.pt` or `.ptl` file to run.
        device: an open device.
        protocol: how to measure.

    Raises:
        ArtifactError: the artifact is not what its manifest says.
        DeviceError: the device or its runner failed.
        OutputMismatchError: the device's outputs are not those of the exported module.
    """
    loaded = load_artifact(artifact)
    requests = protocol.requests(loaded.inputs_count, len(loaded.parity_outputs))
    blocks = tuple(device.run(loaded, request) for request in requests)
    differing = max(_differing(loaded, block) for block in blocks)
    if differing and protocol.require_same_outputs:
        raise OutputMismatchError(
            f"{differing} of {len(loaded.parity_outputs)} outputs of '{artifact}' on this device differ "
            f"from those "
            "recorded at export; set protocol.require_same_outputs=false to measure it nevertheless."
        )
    record = loaded.manifest["files"][artifact.name] | {
        "file": artifact.name,
        "parameters": loaded.manifest["parameters"],
        "exported_by_torch": loaded.manifest["torch"],
        "inputs": loaded.manifest["inputs"],
    }
    return LatencyResult(record, device.describe(), dataclasses.asdict(protocol), blocks, differing)


def _differing(artifact: Artifact, report: RunReport) -> int:
    pairs = zip(artifact.parity_outputs, report.outputs, strict=True)
    return sum(recorded != found for recorded, found in pairs)


@report_errors
def run(config: DictConfig) -> None:
    """Measure what the configuration names and leave `metrics.json` and `latency.json` in the run folder."""
    if config.artifact is None:
        raise MissingArtifactError(
            "No artifact was named; add artifact=FILE, the .pt or .ptl file that an export has written."
        )
    protocol = hydra.utils.instantiate(config.protocol)
    with hydra.utils.instantiate(config.device) as device:
        result = measure(Path(str(config.artifact)), device, protocol)
    result.save(output_dir() / "latency.json")
    Console().print(result.table())
    report_metrics(result.metrics(), output_dir())


@hydra.main(version_base="1.3", config_path="../conf", config_name="benchmark")
def main(config: DictConfig) -> None:
    """Run from the command line."""
    run(config)


if __name__ == "__main__":
    main()
