from pathlib import Path

import pytest

from nlu.data.tsv import load_tsv
from nlu.errors import DataError

ROW = "banking\tpay {n}\t[IN:PAY pay [SL:AMOUNT {n} ] ]\n"


def test_files_of_one_s_own_are_loaded(tmp_path: Path, cache: Path) -> None:
    train, held_out = tmp_path / "mine.tsv", tmp_path / "held out.txt"
    train.write_text("".join(ROW.format(n=n) for n in range(5)))
    held_out.write_text("domain\tutterance\tsemantic_parse\n" + ROW.format(n=7) + "\n\n")
    splits = load_tsv(train, held_out, None, cache)
    assert {split: len(data) for split, data in splits.items()} == {"train": 5, "eval": 1}
    assert splits["eval"][0]["target"] == ["[IN:PAY", "[SL:AMOUNT", "1", "1", "]", "]"]
    assert set(load_tsv(train, held_out, held_out, cache)) == {"train", "eval", "test"}


def test_a_file_that_is_not_there_is_named_by_its_setting(tmp_path: Path, cache: Path) -> None:
    with pytest.raises(DataError, match=r"data\.train is not given"):
        load_tsv(None, None, None, cache)
    with pytest.raises(DataError, match=r"data\.train=.*nowhere"):
        load_tsv(tmp_path / "nowhere", tmp_path, None, cache)
