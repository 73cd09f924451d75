import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from nlu.model.attention import Attention


@pytest.mark.slow
def test_a_parser_is_compared_with_itself_in_int8(
    trained: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["parser=none", f"paths.cache={cache}", "data.load.sizes={train: 1000, eval: 200, test: 100}"]
    arguments = [f"small={trained}", "--int8", "--runs", "500", "--blocks", "2", "--data", *data]
    monkeypatch.setattr(sys, "argv", ["compare_parsers.py", *arguments])
    importlib.import_module("compare_parsers").main()
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()[-2:]]
    floats, integers = [dict(zip(("name", "beam", "em", "size", "mb"), row, strict=False)) for row in rows]
    assert (floats["name"], integers["name"]) == ("small", "small, int8")
    assert abs(float(floats["em"]) - float(integers["em"])) < 5
    assert float(integers["mb"]) < float(floats["mb"])


def test_multiplications_are_those_of_all_matrix_products() -> None:
    length, dim = 5, 8
    attention = Attention(dim, 2, dropout=0.0).eval()
    parser = SimpleNamespace(
        utterances=[["one"]],
        tokenizer=SimpleNamespace(encode=lambda words: ([1], [0])),
        model=lambda pieces, starts: attention(x := torch.randn(1, length, dim), x, None),
    )
    expected = 4 * length * dim * dim + 2 * length * length * dim
    assert importlib.import_module("compare_parsers").multiplications(parser) == expected
