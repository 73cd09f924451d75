"""Stored studies without a search."""

from pathlib import Path

from nas.space.syntax import parse_space
from nas.study import Goals
from nas.study.store import Definition, StoredStudy, open_or_create
from tests.nas.conftest import PARAMS


def go_on(folder: Path) -> StoredStudy:
    """The study of a folder, new or as it was left."""
    space, _ = parse_space(PARAMS, [])
    goals = Goals.of({"accuracy": "maximize", "latency": "minimize"})
    definition = Definition(space.describe(), goals.describe(), None, {"seed": 1})
    return open_or_create(folder, definition, None, None, accept_changes=False)
