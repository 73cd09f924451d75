from pathlib import Path

import pytest

from nlu.data.top import load_top
from nlu.errors import DataError

GOOD = "go home\tgo home\t[IN:GET_DIRECTIONS go [SL:DESTINATION home ] ]\n"
UNSUPPORTED = "hm\thm\t[IN:UNSUPPORTED_NAVIGATION hm ]\nhm\thm\t[IN:UNSUPPORTED hm ]\n"


def test_top_has_no_header_and_loses_what_is_unsupported(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "train.tsv").write_text(GOOD + UNSUPPORTED + GOOD)
    (tmp_path / "eval.tsv").write_text(GOOD)
    splits = load_top(tmp_path, cache)
    assert {split: len(data) for split, data in splits.items()} == {"train": 2, "eval": 1}
    assert splits["eval"][0]["target"] == ["[IN:GET_DIRECTIONS", "[SL:DESTINATION", "1", "1", "]", "]"]


def test_missing_files_are_named(tmp_path: Path, cache: Path) -> None:
    with pytest.raises(DataError, match=r"train\.tsv, eval\.tsv.*semanticparsingdialog"):
        load_top(tmp_path, cache)
