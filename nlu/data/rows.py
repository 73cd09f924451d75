"""From annotated lines to a cached `datasets.Dataset`, one row an utterance.

Columns of every data set of this package:

    domain      str         where the utterance comes from
    utterance   str         raw text
    words       list[str]   the leaves of the frame; spans count these
    frame       str         text form of the canonical frame (see `nlu.frame`)
    target      list[str]   span form, indices in decimal (see `nlu.span`)
    problem     str         why the row is malformed, empty when it is sound
"""

import codecs
import hashlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import datasets

from nlu.errors import DataError, FrameError
from nlu.frame import canonical, parse_frame
from nlu.span import to_span

log = logging.getLogger(__name__)

# Part of every cache key: raise it when the meaning of a column changes.
_VERSION = 3

# Longest utterance of a data set, in words: several times TOPv2's longest.
MAX_WORDS = 512

FEATURES = datasets.Features(
    {
        "domain": datasets.Value("string"),
        "utterance": datasets.Value("string"),
        "words": datasets.List(datasets.Value("string")),
        "frame": datasets.Value("string"),
        "target": datasets.List(datasets.Value("string")),
        "problem": datasets.Value("string"),
    }
)

Row = dict[str, str | list[str]]


@dataclass(frozen=True)
class Annotated:
    """One annotated utterance as a file or a grammar gives it.

    Attributes:
        where: file and line, or what else finds it again.
        problem: set when the line could not even be split into the other fields.
    """

    where: str
    domain: str
    utterance: str
    parse: str
    problem: str = ""


def build_row(line: Annotated) -> Row:
    """Turn an annotated utterance into a row; what is wrong with it goes into `problem`."""
    row: Row = {
        "domain": line.domain,
        "utterance": line.utterance,
        "words": [],
        "frame": "",
        "target": [],
        "problem": f"{line.where}: {line.problem}" if line.problem else "",
    }
    if line.problem:
        return row
    try:
        frame = parse_frame(line.parse)
        words = frame.words()
        if not words:
            raise FrameError("the frame holds no word")
        if len(words) > MAX_WORDS:
            raise FrameError(f"the frame holds {len(words)} words, {MAX_WORDS} are the most")
    except FrameError as error:
        row["problem"] = f"{line.where}: {error}"
        return row
    row["words"] = words
    row["frame"] = str(canonical(frame))
    row["target"] = [str(token) for token in to_span(frame)]
    return row


Reader = Callable[..., Iterator[Annotated]]

# Jobs that train side by side would draw their bars over each other.
datasets.disable_progress_bars()


def read_columns(path: Path) -> Iterator[tuple[str, list[str], str]]:
    """Read a tab-separated file: quotes are plain text, a byte order mark and blank last lines are nothing.

    Yields:
        Where each line is, its columns, and what is wrong with its encoding, empty when nothing is.
    """
    content = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    lines = content.rstrip(b"\r\n").split(b"\n") if content.strip() else []
    for number, line in enumerate(lines, start=1):
        where = f"{path}, line {number}"
        try:
            yield where, line.rstrip(b"\r").decode("utf-8").split("\t"), ""
        except UnicodeDecodeError as error:
            yield where, [], f"byte {error.start + 1} is not UTF-8; convert the file"


def _rows(reader: Reader, sources: list[tuple[object, ...]], digest: str) -> Iterator[Row]:
    """Yield the rows of all sources; `digest` is there to make the cache key follow the content."""
    for arguments in sources:
        for line in reader(*arguments):
            yield build_row(line)


def cached_dataset(reader: Reader, sources: list[tuple[object, ...]], cache: str | Path) -> datasets.Dataset:
    """Build a data set from `reader(*source)` for each source, or take it from the cache.

    The cache key holds the reader's name, the sources and, where a source names files, their content.

    Args:
        reader: a module-level generator function.
        sources: argument lists of the reader.
        cache: folder of the Arrow files, made when missing.

    Raises:
        DataError: there is not one row, or no such folder.
    """
    if not isinstance(cache, str | Path):
        raise DataError(f"data.load.cache={cache} is no folder; name the one for the Arrow files.")
    if next(_rows(reader, sources, ""), None) is None:
        names = ", ".join(str(argument) for source in sources for argument in source)
        raise DataError(f"{names}: there are no rows; give every split at least one.")
    digest = hashlib.sha256(f"{_VERSION} {reader.__module__}.{reader.__qualname__} {sources}".encode())
    for argument in (argument for source in sources for argument in source):
        if isinstance(argument, Path):
            digest.update(argument.read_bytes())
    dataset = datasets.Dataset.from_generator(
        _rows,
        features=FEATURES,
        cache_dir=str(cache),
        # A list among the arguments would be taken for shards to split among processes.
        gen_kwargs={"reader": reader, "sources": tuple(sources), "digest": digest.hexdigest()},
        fingerprint=digest.hexdigest()[:32],
    )
    return dataset


def drop_malformed(dataset: datasets.Dataset, *, skip: bool) -> datasets.Dataset:
    """Return the sound rows.

    Raises:
        DataError: a row is malformed and `skip` is false.
    """
    problems = [problem for problem in dataset["problem"] if problem]
    if not problems:
        return dataset
    count = f"{len(problems)} of {len(dataset)} rows"
    if not skip:
        raise DataError(
            f"malformed row in {problems[0]} ({count} malformed in all). "
            "Mend the file, or pass data.skip_malformed=true to leave such rows out."
        )
    log.warning("left out %s as malformed, the first: %s", count, problems[0])
    if len(problems) == len(dataset):
        raise DataError(f"every row is malformed, the first: {problems[0]}. Mend the file.")
    return dataset.filter(lambda problem: not problem, input_columns="problem")
