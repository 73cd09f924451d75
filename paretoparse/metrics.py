"""What a run has found, as a file and on the screen."""

from collections.abc import Mapping
from pathlib import Path

from rich.table import Table

from paretoparse.console import new_console
from paretoparse.files import write_json

Metric = int | float | str | bool | None
Metrics = Mapping[str, Metric]


def write_metrics(metrics: Metrics, folder: Path) -> None:
    """Write `metrics.json`: one flat object, with null for what is not a number."""
    write_json(folder / "metrics.json", metrics)


def print_metrics(metrics: Metrics, folder: Path) -> None:
    """Print the metrics as a table, and where the run's files are."""
    table = Table("metric", "value")
    for name, value in metrics.items():
        table.add_row(name, f"{value:.4g}" if isinstance(value, float) else str(value))
    console = new_console()
    console.print(table)
    console.print(f"written to {folder}", soft_wrap=True)
