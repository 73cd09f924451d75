"""One job's outcome, safe on disk the moment the job ends.

A launcher returns when its whole batch is over, and some lose the batch when one worker is killed. So the
task function is wrapped: each job writes `<sweep>/outcomes/<number>.json`, and the search reads that file,
whatever becomes of the launcher and wherever the job's own folder lies. Runs in the workers: nothing heavy is
imported here.
"""

import json
import logging
import math
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from numbers import Real
from pathlib import Path
from typing import Any

from filelock import FileLock
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from nas.errors import JobError
from paretoparse.errors import describe_error
from paretoparse.files import write_json

FOLDER = "outcomes"
# In a job's own folder: the number of the trial that it belongs to.
OWNER = ".trial"
# JSON knows no NaN and no infinity: such metrics are kept as text beside the others.
_NOT_FINITE = "not_finite"
Metric = int | float | str | bool | None

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """How a job ended: metrics, or an error.

    Attributes:
        metrics: What the task function returned; empty after an error.
        files: Paths that it returned, by name.
        error: What went wrong, in one line; None if the job completed.
        seconds: Wall-clock time of the task function.
        folder: The job's folder; None if it has none.
    """

    metrics: Mapping[str, Metric] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    error: str | None = None
    seconds: float = 0.0
    folder: str | None = None


@dataclass(frozen=True)
class Outcomes:
    """The folder where the jobs of one study leave their outcomes.

    Attributes:
        folder: Absolute, since a job may change its working directory.
        token: The study's; outcomes of another one do not count.
    """

    folder: Path
    token: str

    def read(self, number: int) -> Outcome | None:
        """A job's outcome; None if it has none yet."""
        try:
            content = json.loads(self._file(number).read_text(encoding="utf-8"))
            if content.pop("token") != self.token:
                return None
            odd = {name: float(value) for name, value in content.pop(_NOT_FINITE).items()}
            return Outcome(**content | {"metrics": content["metrics"] | odd})
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def write(self, number: int, outcome: Outcome) -> None:
        """Keeps a job's outcome; readers see all of it or nothing."""
        odd = {
            k: repr(v) for k, v in outcome.metrics.items() if isinstance(v, float) and not math.isfinite(v)
        }
        content = {"token": self.token, **asdict(outcome), _NOT_FINITE: odd}
        write_json(self._file(number), content)

    def forget(self, number: int) -> None:
        """Takes away what a job left."""
        for file in (self._file(number), self._started(number)):
            file.unlink(missing_ok=True)

    def start(self, number: int) -> None:
        """Says that a worker has begun a job."""
        with self._started(number).open("a", encoding="utf-8") as file:
            file.write(f"{os.getpid()} {time.time()}\n")

    def starts(self, number: int) -> int:
        """How often a worker has begun a job."""
        try:
            return len(self._started(number).read_text(encoding="utf-8").splitlines())
        except FileNotFoundError:
            return 0

    def forget_start(self, number: int) -> None:
        """Takes the last start back: the job was interrupted, and has nobody to blame."""
        lines = self._started(number).read_text(encoding="utf-8").splitlines(keepends=True)
        self._started(number).write_text("".join(lines[:-1]), encoding="utf-8")

    def lock(self, number: int) -> FileLock:
        """Held by the worker that runs a job."""
        return FileLock(self.folder / f"{number}.lock")

    def _file(self, number: int) -> Path:
        return self.folder / f"{number}.json"

    def _started(self, number: int) -> Path:
        return self.folder / f"{number}.started"


@dataclass(frozen=True)
class RecordedTask:
    """A task function that records how it ended; picklable if the function is.

    Attributes:
        function: The task function.
        outcomes: Where to record.
        objectives: Names for the numbers of a task that returns them bare.
    """

    function: Callable[[DictConfig], Any]
    outcomes: Outcomes
    objectives: tuple[str, ...]

    def __call__(self, config: DictConfig) -> dict[str, Metric]:
        """Runs the job and records it; called by a launcher.

        Raises:
            JobError: If the job ended its process, or returned what cannot be used.
        """
        hydra = HydraConfig.get()
        number = int(hydra.job.num)
        folder = Path(hydra.runtime.output_dir)
        # A search that was killed may have left this job running in an orphaned worker: wait for it and take
        # its outcome.
        with self.outcomes.lock(number):
            earlier = self.outcomes.read(number)
            if earlier is not None and earlier.error is not None:
                raise JobError(earlier.error)
            if earlier is not None:
                return dict(earlier.metrics)
            self.outcomes.start(number)
            return self._run(config, number, folder)

    def _run(self, config: DictConfig, number: int, folder: Path) -> dict[str, Metric]:
        began, home = time.perf_counter(), Path.cwd()
        allow_processes()
        lend_to_main(self.function)
        try:
            claim(folder, number, self.outcomes.token)
            metrics, files = split_files(self.function(config), self.objectives)
        except KeyboardInterrupt:
            self.outcomes.forget_start(number)
            raise
        except BaseException as error:
            # Also what ends a process, such as SystemExit: it ends this job, not the search.
            logger.exception("The job failed.")
            seconds = time.perf_counter() - began
            said = describe_error(error)
            self.outcomes.write(number, Outcome(error=said, seconds=seconds, folder=str(folder)))
            if isinstance(error, Exception):
                raise
            raise JobError(said) from error
        finally:
            # The next job of this process, and the search where they share one, start where this one did.
            os.chdir(home)
        seconds = time.perf_counter() - began
        self.outcomes.write(number, Outcome(metrics, files, seconds=seconds, folder=str(folder)))
        return metrics


def allow_processes() -> None:
    """Lets a task start processes, such as a data loader's workers, inside one of joblib's workers.

    There the default way to start one is loky's, which fails on processes that are not its own.
    """
    if multiprocessing.get_start_method(allow_none=True) == "loky":
        multiprocessing.set_start_method(multiprocessing.get_all_start_methods()[0], force=True)


def lend_to_main(function: Callable[..., Any]) -> None:
    """Puts a script's own functions and classes where what pickles them by name looks, such as a pool.

    A script's task reaches joblib's workers by value, and their `__main__` is not the script.
    """
    main = sys.modules["__main__"]
    names = getattr(function, "__globals__", {})
    if getattr(function, "__module__", None) != "__main__" or names is vars(main):
        return
    for name, value in names.items():
        if getattr(value, "__module__", None) == "__main__":
            setattr(main, name, value)


def claim(folder: Path, number: int, token: str) -> None:
    """Marks a job's folder as that of a trial.

    Raises:
        JobError: If it is that of another trial of the same study.
    """
    mine = f"{token} {number}"
    try:
        with (folder / OWNER).open("x", encoding="utf-8") as file:
            file.write(mine)
    except FileExistsError:
        owner = (folder / OWNER).read_text(encoding="utf-8").split()
        if owner and owner != mine.split() and owner[0] == token:
            raise JobError(
                f"the job's folder {folder} is that of trial {owner[-1]}; put ${{hydra.job.num}} into "
                "hydra.sweep.subdir."
            ) from None
        (folder / OWNER).write_text(mine, encoding="utf-8")


def split_files(returned: Any, objectives: Sequence[str]) -> tuple[dict[str, Metric], dict[str, str]]:
    """What a task function returned, as metrics in plain Python types and files.

    Args:
        returned: Names to metrics: numbers (of numpy or torch, too), strings, and paths, which are the files;
            nested mappings get dotted names. Or the objectives' bare numbers, in their order.
        objectives: Names for bare numbers.

    Returns:
        Metrics and files. What is neither number, string nor path is told in the log and left out: it is
        no reason to lose a training.

    Raises:
        JobError: If it is neither a mapping nor as many numbers as there are objectives.
    """
    if not isinstance(returned, Mapping):
        returned = _named(returned, objectives)
    metrics: dict[str, Metric] = {}
    files: dict[str, str] = {}
    left_out: list[str] = []
    for name, value in _flat(returned):
        if isinstance(value, os.PathLike):
            # Relative ones are meant from where the job is now.
            files[name] = str(Path(value).absolute())
            continue
        plain = plain_metric(value)
        if plain is None and value is not None:
            left_out.append(name)
            if name in objectives:
                raise JobError(
                    f"the metric {name} is a {type(value).__name__}{_shape(value)}, not one number."
                )
        else:
            metrics[name] = plain
    if left_out:
        logger.warning(
            "These metrics are neither numbers nor strings and are left out: %s.", ", ".join(left_out)
        )
    return metrics, files


def _named(returned: Any, objectives: Sequence[str]) -> Mapping[str, Any]:
    if isinstance(returned, Sequence) and not isinstance(returned, str | bytes):
        numbers = list(returned)
    else:
        numbers = [] if returned is None else [returned]
    if len(numbers) != len(objectives) or any(plain_metric(number) is None for number in numbers):
        names = ", ".join(objectives)
        what = "nothing" if returned is None else f"a {type(returned).__name__}"
        raise JobError(
            f"the job returned {what}; it must return a dict of its metrics, or the objectives' numbers "
            f"({names}) in this order."
        )
    return dict(zip(objectives, numbers, strict=True))


def _flat(metrics: Mapping[Any, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in metrics.items():
        if OmegaConf.is_config(value):
            value = OmegaConf.to_container(value, resolve=True)
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", value))
    return found


def plain_metric(value: Any) -> Metric:
    """A number or string in Python's own type; None for what is neither, nor holds a single number."""
    if hasattr(value, "item"):  # numpy and torch
        try:
            value = value.item()
        except (RuntimeError, ValueError):
            return None
    if isinstance(value, bool | str):
        return value
    try:
        if isinstance(value, int):
            float(value)  # what no float holds no objective can be
            return value
        # Decimals are numbers, but not registered as Real.
        if isinstance(value, Real) or type(value).__name__ == "Decimal":
            return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
    return None


def _shape(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return "" if shape is None else f" of shape {tuple(shape)}"
