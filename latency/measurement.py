"""How artifacts are measured: a plan, and a batch that is measured by it.

Every block is a fresh process that loads the artifact, warms up until two rounds take equally long, and then
times its share of the runs. The runs of all blocks together use every recorded input equally often.
Artifacts of a batch are measured in turns, one block of each in a random order, so that slow drifts of a
device meet all alike.
"""

import dataclasses
import itertools
import logging
import math
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue

from latency.artifact import load_artifact
from latency.device import Device
from latency.errors import LatencyError, OutputMismatchError, PlanError, StreamError
from latency.result import LatencyResult
from latency.runner.stream import RunReport, RunRequest, Warmup
from paretoparse.checks import Range, check_switches

Outcome = LatencyResult | LatencyError

MINIMUM_RUNS = 500

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class MeasurementPlan:
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
        # Of fewer runs a 99th percentile has no confidence interval.
        Range(low=MINIMUM_RUNS, whole=True).check("protocol.runs", self.runs, PlanError)
        Range(low=1, high=self.runs, whole=True).check("protocol.blocks", self.blocks, PlanError)
        Range(whole=True).check("protocol.seed", self.seed, PlanError)
        check_switches({"protocol.require_same_outputs": self.require_same_outputs}, PlanError)

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


def measure(artifact: Path, device: Device, plan: MeasurementPlan) -> LatencyResult:
    """Measure one artifact.

    Args:
        artifact: the `.pt` or `.ptl` file to run.
        device: an open device.
        plan: how to measure.

    Raises:
        ArtifactError: the artifact is not what its manifest says.
        DeviceError: the device or its runner failed.
        OutputMismatchError: the device's outputs are not those of the exported module.
    """
    ((_, outcome),) = measure_batch([artifact], device, plan)
    if isinstance(outcome, LatencyError):
        raise outcome
    return outcome


def measure_batch(
    artifacts: Sequence[Path], device: Device, plan: MeasurementPlan, control: Path | None = None
) -> Iterator[tuple[int, Outcome]]:
    """Measure several artifacts in turns, on a pool's phones side by side.

    Args:
        artifacts: `.pt` or `.ptl` files.
        device: an open device.
        plan: how to measure; its seed decides the order within a turn.
        control: an artifact that takes part in every turn, on each phone of a pool. A machine that is slower
            today is slower for it as well, so results are also told as ratios to it (`LatencyResult.ratio`).
            Where the control fails, its error is logged and results have no ratio.

    Yields:
        Position and outcome of each artifact as soon as it is known: its result, or the error that ended its
        measurement; one's error leaves the others alone.
    """
    numbered, members = list(enumerate(artifacts)), device.members
    shares = [numbered[first :: len(members)] for first in range(len(members))]
    turns = [
        Turns(share, member, plan, control) for share, member in zip(shares, members, strict=True) if share
    ]
    return side_by_side(turns) if len(turns) > 1 else iter(turns[0].outcomes() if turns else ())


def side_by_side(turns: Sequence["Turns"]) -> Iterator[tuple[int, Outcome]]:
    """The outcomes of several devices that measure at once, each in a thread of its own, as they come."""
    arrived: SimpleQueue[tuple[int, Outcome] | None] = SimpleQueue()

    def run(device_turns: Turns) -> None:
        try:
            for outcome in device_turns.outcomes():
                arrived.put(outcome)
        finally:
            arrived.put(None)

    with ThreadPoolExecutor(len(turns)) as threads:
        running = [threads.submit(run, device_turns) for device_turns in turns]
        try:
            for _ in turns:
                yield from iter(arrived.get, None)
        finally:
            # Whoever stops listening, by Ctrl-C for example, waits for the blocks that run and no others.
            for device_turns in turns:
                device_turns.stopped = True
        for future in running:
            future.result()


class Turns:
    """The artifacts that one device measures in turns, with the control among them."""

    def __init__(
        self, share: Sequence[tuple[int, Path]], device: Device, plan: MeasurementPlan, control: Path | None
    ) -> None:
        self.device = device
        self.plan = plan
        self.waiting = {number: Measurement(path, plan) for number, path in share}
        self.control = None if control is None else Measurement(control, plan)
        self.stopped = False

    def outcomes(self) -> Iterator[tuple[int, Outcome]]:
        """Measure, and tell each outcome when it is known."""
        shuffle = random.Random(self.plan.seed).shuffle
        everyone = [*self.waiting.values(), *([self.control] if self.control else [])]
        yield from self._ended()
        for _ in range(self.plan.blocks):
            shuffle(everyone)
            for measurement in everyone:
                if self.stopped:
                    return
                measurement.run_next_block(self.device)
                yield from self._ended()

    def _ended(self) -> Iterator[tuple[int, Outcome]]:
        for number, measurement in list(self.waiting.items()):
            if measurement.error is None and not (measurement.done and self._control_ended()):
                continue
            del self.waiting[number]
            outcome = measurement.outcome(self.device)
            if isinstance(outcome, LatencyResult):
                outcome = replace(outcome, control=self._control_result())
            yield number, outcome

    def _control_ended(self) -> bool:
        return self.control is None or self.control.done or self.control.error is not None

    def _control_result(self) -> LatencyResult | None:
        if self.control is None:
            return None
        outcome = self.control.outcome(self.device)
        if isinstance(outcome, LatencyError):
            logger.warning("The control could not be measured, so there is no ratio to it: %s", outcome)
            return None
        return outcome


class Measurement:
    """The blocks of one artifact, run one after the other until all are done or one has failed."""

    def __init__(self, path: Path, plan: MeasurementPlan) -> None:
        self.plan = plan
        self.error: LatencyError | None = None
        self.blocks: list[RunReport] = []
        try:
            self.artifact = load_artifact(path)
        except LatencyError as error:
            self.error = error
        else:
            checked = len(self.artifact.parity_outputs)
            self.requests = plan.requests(self.artifact.inputs_count, checked)

    @property
    def done(self) -> bool:
        """Whether all blocks have been run."""
        return self.error is None and len(self.blocks) == len(self.requests)

    def run_next_block(self, device: Device) -> None:
        """Run the next block unless an earlier one has failed."""
        if self.error is not None:
            return
        try:
            self.blocks.append(device.run(self.artifact, self.requests[len(self.blocks)]))
        except LatencyError as error:
            self.error = error

    def outcome(self, device: Device) -> Outcome:
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
        if differing and self.plan.require_same_outputs:
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
        settings = dataclasses.asdict(self.plan)
        return LatencyResult(record, description, settings, tuple(self.blocks), differing, marks)
