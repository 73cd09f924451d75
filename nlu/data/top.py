"""TOP (Gupta et al., EMNLP 2018): navigation and events, the predecessor of TOPv2."""

from collections.abc import Iterator
from pathlib import Path

import datasets

from nlu.data.rows import Annotated, cached_dataset, drop_malformed, read_columns
from nlu.errors import DataError
from paretoparse.checks import check_switches

SPLITS = ("train", "eval", "test")

_WHERE = (
    "Get TOP from https://fb.me/semanticparsingdialog, unpack it, "
    "and set data.root to the folder of train.tsv, eval.tsv and test.tsv."
)


def load_top(
    root: str | Path | None, cache: str | Path, *, skip_malformed: bool = False
) -> datasets.DatasetDict:
    """Load TOP without the utterances that hold IN:UNSUPPORTED, as published results do.

    Args:
        root: folder of `train.tsv`, `eval.tsv` and, where present, `test.tsv`.
        cache: folder for the Arrow files.
        skip_malformed: leave malformed rows out, with a warning, where otherwise they are an error.

    Returns:
        Splits `train`, `eval` and perhaps `test`, with the columns of `nlu.data.rows`.

    Raises:
        DataError: the folder or a file is missing, a row is malformed, or `skip_malformed` is no switch.
    """
    check_switches({"data.skip_malformed": skip_malformed}, DataError)
    if root is None:
        raise DataError(f"data.root is not given. {_WHERE}")
    root = Path(root).expanduser()
    paths = {split: root / f"{split}.tsv" for split in SPLITS}
    missing = [paths[split].name for split in ("train", "eval") if not paths[split].is_file()]
    if missing:
        raise DataError(f"{root} lacks {', '.join(missing)}. {_WHERE}")
    return datasets.DatasetDict(
        {
            split: drop_malformed(cached_dataset(read_tsv, [(path,)], cache), skip=skip_malformed)
            for split, path in paths.items()
            if path.is_file()
        }
    )


def read_tsv(path: Path) -> Iterator[Annotated]:
    """Read a TOP file: raw utterance, tokenised utterance and parse, without a header."""
    for where, columns, problem in read_columns(path):
        if len(columns) != 3:
            columns_problem = f"{len(columns)} columns in the place of 3"
            yield Annotated(where, "top", "", "", problem=problem or columns_problem)
        elif "IN:UNSUPPORTED" not in columns[2]:
            yield Annotated(where, "top", columns[0], columns[2])
