"""Data of one's own, in files of TOPv2's layout."""

from pathlib import Path

import datasets

from nlu.data.rows import cached_dataset, drop_malformed
from nlu.data.topv2 import read_tsv
from nlu.errors import DataError
from paretoparse.checks import check_switches


def load_tsv(
    train: str | Path | None,
    eval: str | Path | None,  # the split's name
    test: str | Path | None,
    cache: str | Path,
    *,
    skip_malformed: bool = False,
) -> datasets.DatasetDict:
    """Load a file for each split: domain, utterance and parse, parted by tabs, under a header or without one.

    Args:
        train: file of the train split.
        eval: file of the held-out split.
        test: file of the test split; None when there is none.
        cache: folder for the Arrow files.
        skip_malformed: leave malformed rows out, with a warning, where otherwise they are an error.

    Returns:
        The splits with the columns of `nlu.data.rows`.

    Raises:
        DataError: a file is not given, missing or without rows, a row is malformed, or `skip_malformed` is no
            switch.
    """
    check_switches({"data.skip_malformed": skip_malformed}, DataError)
    paths: dict[str, Path] = {}
    for split, path in {"train": train, "eval": eval, "test": test}.items():
        if path is None and split == "test":
            continue
        if path is None:
            raise DataError(f"data.{split} is not given; add data.{split}=FILE.")
        paths[split] = Path(path).expanduser()
        if not paths[split].is_file():
            raise DataError(f"data.{split}={path}: there is no such file.")
    return datasets.DatasetDict(
        {
            split: drop_malformed(cached_dataset(read_tsv, [(path,)], cache), skip=skip_malformed)
            for split, path in paths.items()
        }
    )
