import json
import sys
from pathlib import Path

import pytest

from paretoparse.console import new_console
from paretoparse.metrics import print_metrics, write_metrics

HOSTILE = "a[/b] [red]c[/red] :smile: {x} \\[d]"


def test_no_name_or_path_is_taken_for_markup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run [/] [bold]x[/bold]"
    print_metrics({HOSTILE: 0.5, "parser": HOSTILE}, folder)
    shown = capsys.readouterr().out
    assert shown.count(HOSTILE) == 2
    assert f"written to {folder}" in shown


def test_a_file_gets_tables_that_are_not_cut(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    print_metrics({"name": "x" * 150}, Path("folder"))
    assert "x" * 150 in capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", "60")
    assert new_console().width == 60
    assert new_console(stderr=True).file is sys.stderr


def test_metrics_are_a_file_of_valid_json(tmp_path: Path) -> None:
    write_metrics({"a": float("nan"), "b": 2, "c": "text", "d": None}, tmp_path)
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"a": None, "b": 2, "c": "text", "d": None}
