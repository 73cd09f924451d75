"""How repeatable the host's p99 is: measure one artifact several times, some time apart.

    python scripts/latency_repeatability.py ARTIFACT [--repetitions 5] [--pause 60] [--runs 2000]

MLPerf Mobile asks that five repetitions lie within 5 % of each other's median. That is a statement about the
machine as much as about the protocol, so the script reports what it saw and does not judge.
"""

import argparse
import statistics
import time
from pathlib import Path

from latency.device.host import HostDevice
from latency.measurement import MeasurementProtocol, measure


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Measure one artifact's p99 on this host again and again.")
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--pause", type=float, default=60, help="seconds between the repetitions")
    parser.add_argument("--runs", type=int, default=2000, help="timed runs in each repetition")
    options = parser.parse_args()
    found: list[float] = []
    with HostDevice() as device:
        for repetition in range(options.repetitions):
            if repetition:
                time.sleep(options.pause)
            result = measure(options.artifact, device, MeasurementProtocol(runs=options.runs))
            metrics = result.metrics()
            found.append(float(metrics["latency_p99_ms"]))
            print(
                f"{repetition + 1}: p50 {metrics['latency_p50_ms']:.4f} ms, p99 {found[-1]:.4f} ms "
                f"({metrics['latency_p99_ms_low']:.4f} to {metrics['latency_p99_ms_high']:.4f}), "
                f"runner {metrics['runner']}",
                flush=True,
            )
    median = statistics.median(found)
    worst = max(abs(value / median - 1) for value in found)
    print(f"p99: median {median:.4f} ms, farthest from it {100 * worst:.1f} %")


if __name__ == "__main__":
    main()
