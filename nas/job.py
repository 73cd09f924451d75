"""One job's result, safe on disk the moment the job ends.

A launcher returns when its whole batch is over, and some lose the batch when one worker is killed. So the
task function is wrapped: each job leaves `outcome.json` in its own folder, and the search reads that file,
whatever becomes of the launcher. Runs in the workers: nothing heavy is imported here.
"""

import json
import logging
import math
import numbers
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from nas.errors import JobError

OUTCOME = "outcome.json"
STARTED = "started.json"
LOCK = ".job.lock"
Metric = int | float | str | bool | None

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """How a job ended: metrics, or an error.

    Attributes:
        token: The study that the job belongs to.
        metrics: What the task function returned; empty after an error.
        error: Type and last line of the exception; None if the job completed.
        seconds: Wall-clock time of the task function.
    """

    token: str
    metrics: dict[str, Metric] = field(default_factory=dict)
    error: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class RecordedTask:
    """A task function that records how it ended; picklable if the function is."""

    function: Callable[[DictConfig], Any]
    token: str

    def __call__(self, config: DictConfig) -> dict[str, Metric]:
        """Runs the job and records it; called by a launcher.

        Raises:
            JobError: If the job returned something else than a flat dict of numbers and strings.
        """
        directory = Path(HydraConfig.get().runtime.output_dir)
        # A search that was killed may have left this job running in an orphaned worker: wait for it and
        # take its result.
        with FileLock(directory / LOCK):
            earlier = read_outcome(directory, self.token)
            if earlier is not None and earlier.error is not None:
                raise JobError(earlier.error)
            if earlier is not None:
                return earlier.metrics
            write_json(directory / STARTED, {"token": self.token, "pid": os.getpid(), "time": time.time()})
            return self._run(config, directory)

    def _run(self, config: DictConfig, directory: Path) -> dict[str, Metric]:
        start = time.perf_counter()
        try:
            metrics = plain_metrics(self.function(config))
        except Exception as error:
            seconds = time.perf_counter() - start
            logger.exception("The job failed.")
            write_outcome(directory, Outcome(self.token, error=describe_error(error), seconds=seconds))
            raise
        write_outcome(directory, Outcome(self.token, metrics, seconds=time.perf_counter() - start))
        return metrics


def describe_error(error: BaseException) -> str:
    """The error's type and the last line of its message."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[-1].strip()}" if lines else type(error).__name__


def plain_metrics(returned: Any) -> dict[str, Metric]:
    """The metrics in plain Python types.

    Args:
        returned: What a task function returned: names to numbers (of numpy or torch, too) and strings.

    Raises:
        JobError: If it is no such dict.
    """
    if not isinstance(returned, Mapping):
        raise JobError(
            f"the job returned a {type(returned).__name__}; it must return a flat dict of its metrics."
        )
    return {str(name): _plain(str(name), value) for name, value in returned.items()}


def _plain(name: str, value: Any) -> Metric:
    if hasattr(value, "item"):  # numpy and torch scalars
        try:
            value = value.item()
        except (RuntimeError, ValueError) as error:
            raise JobError(f"the metric {name} has several numbers; return one metric for each.") from error
    if isinstance(value, os.PathLike):
        return str(value)
    if isinstance(value, numbers.Real) and not isinstance(value, bool | int):
        return float(value)
    if value is None or isinstance(value, bool | int | str):
        return value
    raise JobError(f"the metric {name} is a {type(value).__name__}; metrics must be numbers and strings.")


def is_finite(value: Metric) -> bool:
    """Whether a metric can serve as an objective."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def read_outcome(directory: Path, token: str) -> Outcome | None:
    """The outcome in a job's folder; None if there is none of this study."""
    try:
        outcome = Outcome(**json.loads((directory / OUTCOME).read_text()))
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError, TypeError):
        return None
    return outcome if outcome.token == token else None


def has_started(directory: Path) -> bool:
    """Whether a worker has begun the job since `forget_start`."""
    return (directory / STARTED).exists()


def forget_start(directory: Path) -> None:
    """Prepares a job's folder for another attempt."""
    (directory / STARTED).unlink(missing_ok=True)


def write_outcome(directory: Path, outcome: Outcome) -> None:
    """Puts a job's outcome into its folder."""
    write_json(directory / OUTCOME, asdict(outcome))


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a JSON file so that readers see all of it or nothing."""
    write_text(path, json.dumps(content, indent=2) + "\n")


def write_text(path: Path, text: str) -> None:
    """Writes a text file so that readers see all of it or nothing."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
