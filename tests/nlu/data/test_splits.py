from pathlib import Path

import datasets
import pytest
from hydra.errors import InstantiationException

from nlu.data.splits import load_splits
from nlu.errors import NluError
from paretoparse.errors import root_cause
from tests.composing import compose_config


def load(cache: Path, *overrides: str) -> datasets.DatasetDict:
    return load_splits(compose_config("evaluate", f"data.load.cache={cache}", "parser=x", *overrides))


def test_the_data_of_a_configuration_has_its_splits(tmp_path: Path) -> None:
    sizes = {"train": 7, "eval": 5, "test": 3}
    splits = load(tmp_path, *(f"data.load.sizes.{name}={size}" for name, size in sizes.items()))
    assert {name: len(rows) for name, rows in splits.items()} == sizes


def test_a_split_that_nothing_needs_may_be_missing(tmp_path: Path) -> None:
    config = compose_config("evaluate", f"data.load.cache={tmp_path}", "parser=x", "~data.load.sizes.eval")
    assert load_splits(config, ["train"]).keys() == {"train", "test"}


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("data.load=null", "data.load made a NoneType; it must return a datasets.DatasetDict."),
        ("~data.load.sizes.eval", "data.load made no eval split; parsers need train and eval."),
        (
            "data.load.sizes=null",
            "data.load.sizes=None: name the number of rows of each of train, eval, test.",
        ),
        (
            "data.load.sizes=5",
            "data.load.sizes=5: name the number of rows of each of train, eval, test.",
        ),
        ("data.load.cache=null", "data.load.cache=None is no folder; name the one for the Arrow files."),
        ("data.load.cache=5", "data.load.cache=5 is no folder; name the one for the Arrow files."),
    ],
)
def test_what_is_no_data_is_refused(override: str, said: str, tmp_path: Path) -> None:
    with pytest.raises((NluError, InstantiationException)) as error:
        load(tmp_path, override)
    found = root_cause(error.value)
    assert isinstance(found, NluError)
    assert str(found) == said
