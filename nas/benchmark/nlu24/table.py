"""The table: one row a training, with everything that is known of it."""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nas.benchmark.nlu24.data import EXACT_MATCH, TABLE, BenchmarkError, damaged, digest, missing
from nas.space import Point, Space, is_number

SPLITS = {"train": 0.8, "valid": 0.9, "test": 1.0}
"""Up to which share of the points a split goes."""

_HEAD = ("study", "strategy", "search_seed", "number", "repeats", "origin", "training_seed", "split")
_TAIL = ("diverged", "failure")


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
        study: Name of the study.
        strategy: What the study searched with.
        search_seed: The study's seed.
        number: The trial's number in its study.
        origin: What proposed it: `reference`, `sobol`, a strategy's name, or `repetition`.
        point: Parameter values.
        split: `train`, `valid` or `test`; all runs of a point are in the same one.
        metrics: What is known of it, by name; of a failed run its seconds at most.
        training_seed: Seed of the training; None: not known.
        repeats: Number of the trial that it repeats.
        diverged: Whether its exact match is so bad that it tells nothing of its neighbours.
        failure: The kind of error that it ended with; None: it has a result.
    """

    study: str
    strategy: str
    search_seed: int
    number: int
    origin: str
    point: Point
    split: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    training_seed: int | None = None
    repeats: int | None = None
    diverged: bool = False
    failure: str | None = None

    @property
    def succeeded(self) -> bool:
        """Whether its exact match tells something of its neighbours."""
        return self.failure is None and not self.diverged


def pass_name(number: int) -> str:
    """The metric of the exact match after a pass, counted from 1."""
    return f"{EXACT_MATCH}_pass_{number}"


def split_of(space: Space, point: Point) -> str:
    """The split of a point: a matter of its values alone, whatever else is in the table."""
    values = space.canonical(point)
    plain = {name: float(v) if is_number(v) else v for name, v in values.items()}  # type: ignore[arg-type]
    text = json.dumps(plain, sort_keys=True)
    share = int(digest(text)[:12], 16) / 16**12
    return next(name for name, end in SPLITS.items() if share < end)


def trainings(space: Space, runs: Iterable[Run]) -> list[Run]:
    """The runs without those that trained the same model again: the same point with the same seed.

    Their exact match is no second observation; a latency that was measured anew is one.
    """
    found: dict[tuple[Hashable, Hashable], Run] = {}
    for place, run in enumerate(runs):
        seed = ("unknown", place) if run.training_seed is None else run.training_seed
        found.setdefault((space.key(run.point), seed), run)
    return list(found.values())


def mean(space: Space, runs: Sequence[Run], name: str) -> float | None:
    """A metric's mean over runs, of the exact match over trainings; None: it is known of none."""
    counted = trainings(space, runs) if name.startswith(EXACT_MATCH) else runs
    values = [run.metrics[name] for run in counted if name in run.metrics]
    return sum(values) / len(values) if values else None


def to_text(space: Space, runs: Iterable[Run]) -> str:
    """The table as CSV: parameters and numbers as JSON writes them, nothing where there is nothing."""
    runs = list(runs)
    metrics = list(dict.fromkeys(name for run in runs for name in run.metrics))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*_HEAD, *space.names, *metrics, *_TAIL])
    for run in runs:
        head = [getattr(run, name) for name in _HEAD]
        point = [json.dumps(run.point[name]) if name in run.point else None for name in space.names]
        tail = [int(run.diverged), run.failure]
        writer.writerow([*head, *point, *(run.metrics.get(name) for name in metrics), *tail])
    return buffer.getvalue()


def from_text(space: Space, text: str) -> list[Run]:
    """The runs that `to_text` wrote.

    Raises:
        BenchmarkError: If a column is missing or a cell cannot be read.
    """
    rows = csv.DictReader(io.StringIO(text))
    columns = rows.fieldnames or []
    if lacking := [name for name in (*_HEAD, *space.names, *_TAIL) if name not in columns]:
        raise BenchmarkError(f"the table has no column {lacking[0]}; install or build the data anew.")
    known = {*_HEAD, *space.names, *_TAIL}
    metrics = [name for name in columns if name not in known]
    try:
        return [_run(space, row, metrics) for row in rows]
    except (ValueError, TypeError) as error:
        raise damaged("the table", error) from error


def _run(space: Space, row: Mapping[str, str], metrics: Sequence[str]) -> Run:
    return Run(
        study=row["study"],
        strategy=row["strategy"],
        search_seed=int(row["search_seed"]),
        number=int(row["number"]),
        origin=row["origin"],
        point={name: json.loads(row[name]) for name in space.names if row[name]},
        split=row["split"],
        metrics={name: float(row[name]) for name in metrics if row[name]},
        training_seed=int(row["training_seed"]) if row["training_seed"] else None,
        repeats=int(row["repeats"]) if row["repeats"] else None,
        diverged=row["diverged"] == "1",
        failure=row["failure"] or None,
    )


def write_table(text: str, folder: Path) -> None:
    """Writes the table's text; the same text makes the same file."""
    (folder / TABLE).write_bytes(gzip.compress(text.encode(), mtime=0))


def read_table(folder: Path) -> str:
    """The table's text.

    Raises:
        BenchmarkError: If there is none, or it is damaged.
    """
    path = folder / TABLE
    try:
        return gzip.decompress(path.read_bytes()).decode()
    except FileNotFoundError:
        raise missing(path) from None
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise damaged(path, error) from error
