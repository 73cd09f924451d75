"""What the entry points of this package share: errors as one line, the run folder, the metrics file."""

import functools
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console
from rich.table import Table

from latency.errors import LatencyError

Metrics = dict[str, float | int | str]


def report_errors(function: Callable[[DictConfig], None]) -> Callable[[DictConfig], None]:
    """Turn an expected error of a Hydra task into one line on stderr and exit code 1, without a traceback.

    Expected are this package's errors, and whatever stopped an object of the configuration from being made.
    The environment variable HYDRA_FULL_ERROR=1 brings the traceback back, as it does for Hydra's own errors.
    """

    @functools.wraps(function)
    def task(config: DictConfig) -> None:
        try:
            function(config)
        except (LatencyError, InstantiationException, OmegaConfBaseException) as error:
            if os.environ.get("HYDRA_FULL_ERROR") == "1":
                raise
            print(f"error: {_root_cause(error)}", file=sys.stderr)
            sys.exit(1)

    return task


def _root_cause(error: BaseException) -> str:
    while isinstance(error, InstantiationException) and error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).split()) or type(error).__name__


def output_dir() -> Path:
    """The folder that Hydra has made for this run."""
    return Path(HydraConfig.get().runtime.output_dir)


def report_metrics(metrics: Metrics, directory: Path) -> None:
    """Write `metrics.json` into the run folder and print the same as a table."""
    (directory / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    table = Table("metric", "value")
    for name, value in metrics.items():
        table.add_row(name, f"{value:.4g}" if isinstance(value, float) else str(value))
    console = Console()
    console.print(table)
    console.print(f"written to {directory}", soft_wrap=True, highlight=False)
