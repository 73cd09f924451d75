"""What a measurement found: raw runs, summary, and the files and tables made of them. Imports no torch."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from latency.cli import Metrics
from latency.runner.stream import RunReport
from latency.statistics import (
    INTERVAL_METHOD,
    PERCENTILE_METHOD,
    Interval,
    classify_outliers,
    interval_ranks,
    percentile,
    percentile_interval,
)

PERCENTS = (50, 90, 95, 99, 99.9)
NS_PER_MS = 1e6


@dataclass(frozen=True)
class LatencyResult:
    """One artifact's latencies on one device.

    Attributes:
        artifact: the measured file's name, SHA-256, size and number of parameters.
        device: the device's own description.
        protocol: the protocol's settings.
        blocks: one report a process, in the order in which they were run.
        outputs_differing: how many of the checked outputs differ from those recorded at export.
    """

    artifact: dict[str, Any]
    device: dict[str, Any]
    protocol: dict[str, Any]
    blocks: tuple[RunReport, ...]
    outputs_differing: int

    @property
    def latencies_ms(self) -> list[float]:
        """Every timed run in milliseconds, in the order of the runs."""
        return [ns / NS_PER_MS for block in self.blocks for ns in block.ns]

    def percentile(self, percent: float) -> float:
        """A percentile of all runs, milliseconds."""
        return percentile(self.latencies_ms, percent)

    def interval(self, percent: float) -> Interval | None:
        """Its 95 % confidence interval, milliseconds; None where there are too few runs for one."""
        return percentile_interval(self.latencies_ms, percent)

    def metrics(self) -> Metrics:
        """Flat summary; latencies in milliseconds, memory in bytes.

        A percentile is left out where the runs are too few for its confidence interval, except p50, p90 and
        p99.
        """
        count = len(self.latencies_ms)
        metrics: Metrics = {}
        for percent in PERCENTS:
            interval = self.interval(percent)
            if interval is None and percent not in (50, 90, 99):
                continue
            name = f"latency_p{str(percent).replace('.', '_')}"
            metrics[f"{name}_ms"] = self.percentile(percent)
            if interval is not None:
                metrics |= {f"{name}_ms_low": interval.low, f"{name}_ms_high": interval.high}
        p99 = self.interval(99)
        if p99 is not None:
            metrics["latency_p99_ms_se"] = p99.standard_error()
        outliers = classify_outliers(self.latencies_ms)
        return metrics | {
            "latency_mean_ms": sum(self.latencies_ms) / count,
            "latency_max_ms": max(self.latencies_ms),
            "load_ms": percentile([block.load_ns / NS_PER_MS for block in self.blocks], 50),
            "peak_memory_bytes": max((block.peak_bytes or 0) for block in self.blocks),
            "runs": count,
            "blocks": len(self.blocks),
            "blocks_not_warm": sum(not block.warm for block in self.blocks),
            "outliers_mild": outliers.low_mild + outliers.high_mild,
            "outliers_severe": outliers.low_severe + outliers.high_severe,
            "outputs_differing": self.outputs_differing,
            "runner": self.blocks[0].runner,
            "runtime": self.blocks[0].runtime,
        }

    def table(self) -> Table:
        """Percentiles with their intervals, for the screen."""
        title = f"{self.artifact['file']} on {self.device['model']}: {len(self.latencies_ms)} runs"
        table = Table("percentile", "ms", "95 % interval", title=title)
        for percent in PERCENTS:
            interval = self.interval(percent)
            shown = "too few runs" if interval is None else f"{interval.low:.3f} to {interval.high:.3f}"
            table.add_row(f"p{percent}", f"{self.percentile(percent):.3f}", shown)
        return table

    def save(self, file: Path) -> None:
        """Write everything, raw runs included, as one JSON file."""
        record = {
            "methods": {"percentile": PERCENTILE_METHOD, "interval": INTERVAL_METHOD},
            "interval_ranks_p99": interval_ranks(len(self.latencies_ms), 99),
            **dataclasses.asdict(self),
        }
        file.write_text(json.dumps(record) + "\n", encoding="utf-8")
