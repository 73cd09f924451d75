"""What the documents show works: their Python runs, their settings are settings."""

import io
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from nas.settings import SearchSettings
from nas.space.syntax import parse_space
from nas.study import Goals
from tests.composing import ROOT

PAGES = sorted(
    page for pattern in ("*.md", "*/*.md") for page in ROOT.glob(pattern) if ".venv" not in page.parts
)


def blocks(language: str) -> list[Any]:
    return [
        pytest.param(found, id=f"{page.relative_to(ROOT)}-{number}")
        for page in PAGES
        for number, found in enumerate(
            re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
        )
    ]


def evaluate(point: dict[str, Any]) -> dict[str, float]:
    """Stands for the reader's own function."""
    return {
        "accuracy": point["layers"] - 100 * (point["lr"] - 0.01) ** 2,
        "milliseconds": 1.0 + point["layers"],
    }


@pytest.mark.slow
@pytest.mark.parametrize("code", blocks("python"))
def test_python_runs(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n" * 9))  # of a reader who goes on
    exec(compile(code, "document", "exec"), {"evaluate": evaluate})


@pytest.mark.parametrize("code", blocks("yaml"))
def test_settings_are_settings(code: str) -> None:
    sweeper = (yaml.safe_load(code).get("hydra") or {}).get("sweeper")
    if sweeper is None:
        return
    settings = SearchSettings(**sweeper)
    space, others = parse_space(settings.params, [])
    assert space.names
    assert others == []
    if settings.objectives:
        assert Goals.of(settings.objectives, settings.constraints).names


def test_what_documents_link_to_is_there() -> None:
    missing = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert missing == []
