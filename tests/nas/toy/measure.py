"""A measurement for the toy app: reads what the job left and fails on demand."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any


class FileMeasure:
    """Adds the objective `measured_ms`; fails as long as the file `broken` lies in the sweep's folder."""

    def __call__(self, metrics: dict[str, Any], job_dir: Path) -> dict[str, Any]:
        if (job_dir.parent / "broken").exists() and job_dir.name == "3":
            raise ConnectionError("the device is gone")
        return {"measured_ms": 2 * metrics["latency_ms"]}


class BesideControl:
    """Adds the objective `measured_ms`; needs the reference's file."""

    def measure_batch(self, trained: Sequence[Any], control: Any) -> Iterator[tuple[int, dict[str, Any]]]:
        assert control.files["weights"].read_text() == "0"
        for one in trained:
            yield one.number, {"measured_ms": 2 * one.metrics["latency_ms"]}
