"""What the entry points of this package share: errors as one line, and the run's metrics."""

import functools
import json
import math
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from omegaconf import DictConfig
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from rich.console import Console
from rich.table import Table

from nlu.errors import NluError

Metrics = Mapping[str, float | int | str]


def report_errors(function: Callable[[DictConfig], None]) -> Callable[[DictConfig], None]:
    """Turn an expected error of a Hydra task into one line on stderr and exit code 1, without a traceback.

    HYDRA_FULL_ERROR=1 in the environment brings the traceback back, as it does for Hydra's own errors.
    """

    @functools.wraps(function)
    def task(config: DictConfig) -> None:
        try:
            function(config)
        except (NluError, InstantiationException, OmegaConfBaseException) as error:
            if os.environ.get("HYDRA_FULL_ERROR") == "1":
                raise
            print(f"error: {_one_line(error)}", file=sys.stderr)
            sys.exit(1)

    return task


def _one_line(error: BaseException) -> str:
    while isinstance(error, InstantiationException) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, MissingMandatoryValue):
        return f"{error.full_key} is not given; add {error.full_key}=VALUE."
    return str(error).splitlines()[0] if isinstance(error, OmegaConfBaseException) else str(error)


def run_folder() -> Path:
    """Return the folder that Hydra made for this run."""
    return Path(HydraConfig.get().runtime.output_dir)


def write_metrics(metrics: Metrics, folder: Path) -> None:
    """Write `metrics.json`: one flat object, what is not a number as null."""
    plain = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in metrics.items()
    }
    (folder / "metrics.json").write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")


def print_metrics(metrics: Metrics, folder: Path) -> None:
    """Print the metrics as a table, and where the run's files are."""
    table = Table("metric", "value")
    for name, value in metrics.items():
        table.add_row(name, f"{value:.4g}" if isinstance(value, float) else str(value))
    console = Console()
    console.print(table)
    console.print(f"written to {folder}", soft_wrap=True, highlight=False)
