"""What a measurement found: raw runs, summary, and the files and tables made of them. Imports no torch."""

import dataclasses
import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from rich.table import Table

from latency.errors import ResultError
from latency.runner.stream import RunReport
from latency.statistics import (
    INTERVAL_METHOD,
    PERCENTILE_METHOD,
    Interval,
    classify_outliers,
    dependent_interval,
    early_stopping_estimate,
    effective_count,
    percentile,
    percentile_interval,
)
from paretoparse.metrics import Metric

PERCENTS = (50, 90, 95, 99, 99.9)
NS_PER_MS = 1e6
FORMAT = 1
"""Version of the saved layout; a reader refuses versions that it does not know."""


@dataclass(frozen=True)
class LatencyResult:
    """One artifact's latencies on one device.

    Attributes:
        artifact: the measured file's name, SHA-256, size and number of parameters.
        device: the device's own description.
        protocol: the protocol's settings.
        blocks: one report a process, in the order in which they were run.
        outputs_differing: how many of the checked outputs differ from those recorded at export.
        marks: names of whatever makes this result less trustworthy and was allowed, e.g. suppressed
            preconditions.
    """

    artifact: dict[str, Any]
    device: dict[str, Any]
    protocol: dict[str, Any]
    blocks: tuple[RunReport, ...]
    outputs_differing: int
    marks: tuple[str, ...] = ()

    @property
    def blocks_ms(self) -> list[list[float]]:
        """Each process's timed runs in milliseconds, in the order of the runs."""
        return [[ns / NS_PER_MS for ns in block.ns] for block in self.blocks]

    @property
    def latencies_ms(self) -> list[float]:
        """Every timed run in milliseconds, in the order of the runs."""
        return [latency for block in self.blocks_ms for latency in block]

    def percentile(self, percent: float) -> float:
        """A percentile of all runs, milliseconds."""
        return percentile(self.latencies_ms, percent)

    def interval(self, percent: float) -> Interval | None:
        """Its 95 % confidence interval for independent runs, milliseconds; None where there are too few."""
        return percentile_interval(self.latencies_ms, percent)

    def metrics(self) -> dict[str, Metric]:
        """Flat summary; latencies in milliseconds, memory in bytes.

        A percentile is left out where the runs are too few for its interval, except p50, p90 and p99.
        `latency_p99_ms_se`, the p99's standard error, allows for runs that depend on their predecessors.
        """
        metrics: dict[str, Metric] = {}
        for percent in PERCENTS:
            interval = self.interval(percent)
            if interval is None and percent not in (50, 90, 99):
                continue
            name = f"latency_p{str(percent).replace('.', '_')}"
            metrics[f"{name}_ms"] = self.percentile(percent)
            if interval is not None:
                metrics |= {f"{name}_ms_low": interval.low, f"{name}_ms_high": interval.high}
        latencies = self.latencies_ms
        dependent = dependent_interval(self.blocks_ms, 99)
        if dependent is not None:
            metrics["latency_p99_ms_se"] = dependent.standard_error()
        estimate = early_stopping_estimate(latencies, 99)
        if estimate is not None:
            metrics["latency_p99_ms_early_stopping"] = estimate
        loads = [block.load_ns / NS_PER_MS for block in self.blocks if block.load_ns is not None]
        if loads:
            metrics["load_ms"] = percentile(loads, 50)
        outliers = classify_outliers(latencies)
        return metrics | {
            "latency_mean_ms": float(np.mean(latencies)),
            "latency_max_ms": max(latencies),
            "latency_ms_within_processes": self.spread_within(),
            "latency_ms_between_processes": self.spread_between(),
            "peak_memory_bytes": max(block.peak_bytes or 0 for block in self.blocks),
            "runs": len(latencies),
            "runs_effective": round(effective_count(self.blocks_ms, 99)),
            "blocks": len(self.blocks),
            "blocks_not_warm": sum(not block.warm for block in self.blocks),
            "outliers_mild": outliers.low_mild + outliers.high_mild,
            "outliers_severe": outliers.low_severe + outliers.high_severe,
            "outputs_differing": self.outputs_differing,
            "runner": self.blocks[0].runner,
            "runtime": self.blocks[0].runtime,
            "device_model": str(self.device["model"]),
            "marks": ",".join(self.marks),
        }

    def spread_within(self) -> float:
        """Interquartile range of the runs of a process, milliseconds, averaged over processes."""
        ranges = [percentile(block, 75) - percentile(block, 25) for block in self.blocks_ms]
        return float(np.mean(ranges))

    def spread_between(self) -> float:
        """Range of the processes' medians, milliseconds; 0 for a single process."""
        medians = [percentile(block, 50) for block in self.blocks_ms]
        return max(medians) - min(medians)

    def table(self) -> Table:
        """Percentiles with their intervals, for the screen."""
        title = f"{self.artifact['file']} on {self.device['model']}: {len(self.latencies_ms)} runs"
        caption = f"not trustworthy without a second look: {', '.join(self.marks)}" if self.marks else None
        table = Table("percentile", "ms", "95 % interval", title=title, caption=caption)
        for percent in PERCENTS:
            interval = self.interval(percent)
            shown = "too few runs" if interval is None else f"{interval.low:.3f} to {interval.high:.3f}"
            table.add_row(f"p{percent}", f"{self.percentile(percent):.3f}", shown)
        return table

    def save(self, file: Path) -> None:
        """Write everything, raw runs included, as one JSON file, compressed by gzip."""
        methods = {"percentile": PERCENTILE_METHOD, "interval": INTERVAL_METHOD}
        record = {"format": FORMAT, "methods": methods, **dataclasses.asdict(self)}
        # No time stamp, so that the same result gives the same file.
        file.write_bytes(gzip.compress(json.dumps(record).encode(), mtime=0))

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            ResultError: there is no such file, or it is something else.
        """
        try:
            record = json.loads(gzip.decompress(file.read_bytes()))
            if record["format"] != FORMAT:
                raise ResultError(
                    f"'{file}' has format {record['format']}; this version reads format {FORMAT}."
                )
            return cls(
                artifact=record["artifact"],
                device=record["device"],
                protocol=record["protocol"],
                blocks=tuple(RunReport.from_record(block) for block in record["blocks"]),
                outputs_differing=record["outputs_differing"],
                marks=tuple(record["marks"]),
            )
        except FileNotFoundError as error:
            raise ResultError(
                f"There is no result '{file}'; give a run folder or its latency.json.gz."
            ) from error
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            raise ResultError(f"'{file}' is not a result of latency.benchmark ({error}).") from error
