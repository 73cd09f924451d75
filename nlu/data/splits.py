"""The data set that a configuration names."""

from collections.abc import Mapping, Sequence

import datasets
from hydra.utils import instantiate
from omegaconf import DictConfig

from nlu.errors import DataError


def load_splits(config: DictConfig, needed: Sequence[str] = ("train", "eval")) -> datasets.DatasetDict:
    """Load the data set that `data.load` names.

    Args:
        config: with the node `data`, as `conf/data/` has it.
        needed: splits that must be there; by default those that a training takes.

    Returns:
        The splits, those needed among them, with the columns of `nlu.data.rows`.

    Raises:
        NluError: the data cannot be had, or is none.
    """
    splits = instantiate(config.data.load)
    if not isinstance(splits, Mapping):
        raise DataError(f"data.load made a {type(splits).__name__}; it must return a datasets.DatasetDict.")
    if missing := [name for name in needed if name not in splits]:
        raise DataError(f"data.load made no {missing[0]} split; parsers need {' and '.join(needed)}.")
    return splits
