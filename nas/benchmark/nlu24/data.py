"""The files of the benchmark's data, and what they say of themselves."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from nas.errors import NasError
from nas.space import Point, Space, read_space
from paretoparse.files import write_json

DATA = Path(__file__).parent / "data"
"""Where a wheel has the data."""

DESCRIPTION, SPACE, TABLE, SURROGATE, QUALITY = (
    "benchmark.json",
    "space.json",
    "trials.csv.gz",
    "surrogate.npz",
    "quality.json",
)
FORMAT = 1
"""Version of the files' layout; other ones are refused."""

# A ratio to the reference model measured beside it, since studies go on for days and on several machines.
EXACT_MATCH, LATENCY, SECONDS = "exact_match", "latency_p99_ratio", "seconds"
OBJECTIVES = {EXACT_MATCH: "maximize", LATENCY: "minimize"}


class BenchmarkError(NasError):
    """The benchmark's data cannot be used, or was asked for what is not in it."""


@dataclass(frozen=True)
class Description:
    """What the data is.

    Attributes:
        version: Of the data; results of one version are not those of another.
        table: SHA-256 of the table's text, which the surrogate was fitted to.
        reference: The reference model's point.
        reference_point: Its mean exact match in percent, and mean ratio of the 99th percentile of latency to
            its own, 1 but for noise: the hypervolume's reference point.
        epochs: Passes over the training data that a trial takes.
        by_pass: Whether exact match after each of them is known.
        studies: The studies that the trials are from.
        settings: How their models were trained and measured.
        licence: Of the data.
    """

    version: str
    table: str
    reference: Point
    reference_point: tuple[float, float]
    epochs: int
    by_pass: bool
    studies: tuple[Mapping[str, Any], ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    licence: str = "CC BY 4.0"

    def write(self, folder: Path) -> None:
        """Writes it into the data's folder."""
        write_json(folder / DESCRIPTION, {"format": FORMAT, "objectives": OBJECTIVES, **asdict(self)})

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Reads it.

        Raises:
            BenchmarkError: If it is not there, damaged, or of another layout.
        """
        path = folder / DESCRIPTION
        content = read_json(path)
        check_format(path, content.pop("format", None))
        try:
            del content["objectives"]
            reference_point, studies = tuple(content.pop("reference_point")), content.pop("studies")
            return cls(reference_point=reference_point, studies=tuple(studies), **content)
        except (KeyError, TypeError) as error:
            raise damaged(path, error) from error


def read_json(path: Path) -> dict[str, Any]:
    """Reads a file of the data.

    Raises:
        BenchmarkError: If there is none, or it is damaged.
    """
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise missing(path) from None
    except (OSError, ValueError, TypeError) as error:
        raise damaged(path, error) from error


def check_format(path: Path, found: object) -> None:
    """Refuses a file of another layout."""
    if found != FORMAT:
        raise BenchmarkError(
            f"{path} has format {found}, this version of the package reads format {FORMAT}; install the "
            "version that the data came with."
        )


def damaged(what: Path | str, error: Exception) -> BenchmarkError:
    """The error of what cannot be read."""
    return BenchmarkError(f"{what} is damaged ({error}); install or build the data anew.")


def missing(path: Path) -> BenchmarkError:
    """The error of a file that is not there."""
    if path.parent == DATA:
        return BenchmarkError(f"NLU24's {path.name} is not installed; install the package anew.")
    return BenchmarkError(f"there is no {path}; give data= the output= folder of nas.benchmark.nlu24.build.")


def write_space(space: Space, folder: Path) -> None:
    """Writes the space in the schema of `Space.describe`."""
    write_json(folder / SPACE, space.describe())


def read_space_file(folder: Path) -> Space:
    """The space that `write_space` wrote.

    Raises:
        BenchmarkError: If it is not there, or damaged.
    """
    content = read_json(folder / SPACE)
    try:
        return read_space(content)
    except (KeyError, TypeError, ValueError, NasError) as error:
        raise damaged(folder / SPACE, error) from error


def digest(text: str) -> str:
    """The SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()
