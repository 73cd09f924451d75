"""How repeatable the host's p99 is: measure artifacts several times, some time apart.

    python scripts/latency_repeatability.py ARTIFACT [ARTIFACT ...] [--repetitions 5] [--pause 60]

MLPerf Mobile asks that five repetitions lie within 5 % of their median. That is a statement about the machine
as much as about the protocol: where the machine's own speed changes from minute to minute, no protocol can
make milliseconds repeat. The first artifact also is the control, as the reference model is in a search, and
the ratios of all p99 to it are reported beside the milliseconds.
"""

import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from latency.device.host import HostDevice
from latency.measurement import MeasurementPlan, measure_batch
from latency.result import LatencyResult
from paretoparse.cli import ArgumentParser, count, reported_errors


def main() -> None:
    """Run from the command line."""
    parser = ArgumentParser(description="Measure artifacts' p99 on this host again and again.")
    parser.add_argument("artifacts", type=Path, nargs="+", metavar="ARTIFACT")
    parser.add_argument("--repetitions", type=count, default=5)
    parser.add_argument("--pause", type=float, default=60, help="seconds between the repetitions")
    parser.add_argument("--runs", type=count, default=2000, help="timed runs of an artifact a repetition")
    parser.add_argument("--blocks", type=count, default=4, help="processes these runs are divided among")
    options = parser.parse_args()
    found: list[list[LatencyResult]] = [[] for _ in options.artifacts]
    with HostDevice() as device:
        for repetition in range(options.repetitions):
            if repetition:
                time.sleep(options.pause)
            plan = MeasurementPlan(runs=options.runs, blocks=options.blocks, seed=repetition)
            for number, outcome in measure_batch(options.artifacts, device, plan, options.artifacts[0]):
                if not isinstance(outcome, LatencyResult):
                    raise outcome
                report(repetition, number, outcome)
                found[number].append(outcome)
    for number, results in enumerate(found, start=1):
        for percent in (50, 99):
            ratios = [ratio.value for result in results if (ratio := result.ratio(percent)) is not None]
            values = [result.percentile(percent) for result in results]
            print(f"p{percent} of artifact {number}, ms: {spread(values)}")
            print(f"p{percent} of artifact {number} over the control's: {spread(ratios)}")


def report(repetition: int, number: int, result: LatencyResult) -> None:
    """Print what one repetition found for one artifact."""
    names = ("latency_p50_ms", "latency_p99_ms", "latency_p99_ms_low", "latency_p99_ms_high")
    names += ("latency_p99_ratio", "latency_p99_ratio_low", "latency_p99_ratio_high")
    metrics = result.metrics()
    p50, p99, low, high, ratio, ratio_low, ratio_high = (f"{metrics[name]:.4f}" for name in names)
    print(
        f"repetition {repetition + 1}, artifact {number + 1}: p50 {p50} ms, p99 {p99} ms ({low} to {high}), "
        f"over the control's {ratio} ({ratio_low} to {ratio_high}), runner {metrics['runner']}",
        flush=True,
    )


def spread(values: Sequence[float]) -> str:
    """All values, their median and how far the farthest lies from it."""
    median = statistics.median(values)
    worst = max(abs(value / median - 1) for value in values)
    shown = ", ".join(f"{value:.3f}" for value in values)
    return (
        f"{shown}; median {median:.4f}, farthest from it {100 * worst:.1f} %, standard deviation "
        f"{100 * statistics.pstdev(values) / median:.1f} %"
    )


if __name__ == "__main__":
    with reported_errors():
        main()
