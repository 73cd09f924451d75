"""How repeatable the host's p99 is: measure artifacts several times, some time apart.

    python scripts/latency_repeatability.py ARTIFACT [ARTIFACT ...] [--repetitions 5] [--pause 60]

MLPerf Mobile asks that five repetitions lie within 5 % of their median. That is a statement about the machine
as much as about the protocol: where the machine's own speed changes from minute to minute, no protocol can
make milliseconds repeat. Several artifacts are measured in turns, as in a search, and the ratios of their p99
to the first one's, which such changes do not touch, are reported beside the milliseconds.
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from latency.device.host import HostDevice
from latency.measurement import MeasurementProtocol, measure_all
from latency.result import LatencyResult


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Measure artifacts' p99 on this host again and again.")
    parser.add_argument("artifacts", type=Path, nargs="+", metavar="ARTIFACT")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--pause", type=float, default=60, help="seconds between the repetitions")
    parser.add_argument("--runs", type=int, default=2000, help="timed runs of an artifact in each repetition")
    parser.add_argument("--blocks", type=int, default=4, help="processes these runs are divided among")
    options = parser.parse_args()
    found: list[list[float]] = [[] for _ in options.artifacts]
    with HostDevice() as device:
        for repetition in range(options.repetitions):
            if repetition:
                time.sleep(options.pause)
            protocol = MeasurementProtocol(runs=options.runs, blocks=options.blocks, seed=repetition)
            outcomes = measure_all(options.artifacts, device, protocol)
            for number, outcome in enumerate(outcomes):
                if not isinstance(outcome, LatencyResult):
                    raise outcome
                found[number].append(report(repetition, number, outcome))
    for number, values in enumerate(found):
        print(f"p99 of artifact {number + 1}: {spread(values)}, in ms")
    for number, values in enumerate(found[1:], start=2):
        ratios = [value / first for value, first in zip(values, found[0], strict=True)]
        print(f"p99 of artifact {number} over artifact 1: {spread(ratios)}")


def report(repetition: int, number: int, result: LatencyResult) -> float:
    """Print what one repetition found for one artifact; returns its p99 in milliseconds."""
    metrics = result.metrics()
    p99 = float(metrics["latency_p99_ms"])
    print(
        f"repetition {repetition + 1}, artifact {number + 1}: p50 {metrics['latency_p50_ms']:.4f} ms, p99 "
        f"{p99:.4f} ms ({metrics['latency_p99_ms_low']:.4f} to {metrics['latency_p99_ms_high']:.4f}), "
        f"runner {metrics['runner']}",
        flush=True,
    )
    return p99


def spread(values: Sequence[float]) -> str:
    """All values, their median and how far the farthest lies from it."""
    median = statistics.median(values)
    worst = max(abs(value / median - 1) for value in values)
    shown = ", ".join(f"{value:.3f}" for value in values)
    return f"{shown}; median {median:.4f}, farthest from it {100 * worst:.1f} %"


if __name__ == "__main__":
    main()
