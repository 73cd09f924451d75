"""The measurement protocol.

Every block is a fresh process that loads the artifact, warms up until two rounds take equally long, and then
times its share of the runs. The runs of all blocks together use every recorded input equally often.
"""

import dataclasses
import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from latency.artifact import load_artifact
from latency.device import Device
from latency.errors import LatencyError, OutputMismatchError, ProtocolError, StreamError
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
        seed: of the order in which blocks of several artifacts are run.
        require_same_outputs: refuse a result whose outputs differ from those recorded at export; if false,
            it is marked.
    """

    runs: int = 2000
    blocks: int = 4
    warmup: Warmup = field(default_factory=Warmup)
    seed: int = 0
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
    outcome = measure_all([artifact], device, protocol)[0]
    if isinstance(outcome, LatencyError):
        raise outcome
    return outcome


def measure_all(
    artifacts: Sequence[Path], device: Device, protocol: MeasurementProtocol
) -> list[LatencyResult | LatencyError]:
    """Measure several artifacts, their blocks in a random order so that slow drifts of the device meet all
    alike.

    Args:
        artifacts: `.pt` or `.ptl` files.
        device: an open device.
        protocol: how to measure; its seed decides the order.

    Returns:
        For each artifact, its result or the error that ended its measurement; one's error leaves the others
        alone.
    """
    measurements = [Measurement(path, protocol) for path in artifacts]
    order = [item for item in measurements for _ in range(protocol.blocks)]
    random.Random(protocol.seed).shuffle(order)
    for measurement in order:
        measurement.run_next_block(device)
    return [measurement.outcome(device, protocol) for measurement in measurements]


class Measurement:
    """The blocks of one artifact, run one after the other until all are done or one has failed."""

    def __init__(self, path: Path, protocol: MeasurementProtocol) -> None:
        self.error: LatencyError | None = None
        self.blocks: list[RunReport] = []
        try:
            self.artifact = load_artifact(path)
        except LatencyError as error:
            self.error = error
        else:
            checked = len(self.artifact.parity_outputs)
            self.requests = protocol.requests(self.artifact.inputs_count, checked)

    def run_next_block(self, device: Device) -> None:
        """Run the next block unless an earlier one has failed."""
        if self.error is not None:
            return
        try:
            self.blocks.append(device.run(self.artifact, self.requests[len(self.blocks)]))
        except LatencyError as error:
            self.error = error

    def outcome(self, device: Device, protocol: MeasurementProtocol) -> LatencyResult | LatencyError:
        """The result, or the reason why there is none."""
        if self.error is not None:
            return self.error
        expected, file = self.artifact.parity_outputs, self.artifact.file
        # A runner of bundled inputs has the outputs of those only, and none has fewer.
        fewest = min(len(expected), self.artifact.bundled_count or len(expected))
        if not all(fewest <= len(block.outputs) <= len(expected) for block in self.blocks):
            return StreamError(f"The device's answer for '{file}' lacks outputs; measure again.")
        differing = max(
            sum(recorded != found for recorded, found in zip(expected, block.outputs, strict=False))
            for block in self.blocks
        )
        if differing and protocol.require_same_outputs:
            return OutputMismatchError(
                f"{differing} of {len(expected)} outputs of '{file}' on this device differ from those "
                "recorded at export; set protocol.require_same_outputs=false to measure it nevertheless."
            )
        manifest = self.artifact.manifest
        record = manifest["files"][file.name] | {
            "file": file.name,
            "parameters": manifest["parameters"],
            "exported_by_torch": manifest["torch"],
            "inputs": manifest["inputs"],
        }
        description = device.describe()
        marks = tuple(description.get("marks", ()))
        settings = dataclasses.asdict(protocol)
        return LatencyResult(record, description, settings, tuple(self.blocks), differing, marks)
