"""Every notebook runs from top to bottom, and what is committed of it is of this very text."""

import sys
from pathlib import Path

import jupytext
import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from execute_notebooks import NOTEBOOKS, execute, private_paths, same_cells  # noqa: E402

SOURCES = sorted(NOTEBOOKS.glob("*.py"))


def test_every_notebook_is_a_pair_and_in_the_table() -> None:
    assert SOURCES
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == {path.stem for path in SOURCES}
    table = (NOTEBOOKS / "README.md").read_text()
    assert all(f"({path.stem}.ipynb)" in table for path in SOURCES)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_committed_outputs_are_of_this_text_and_name_no_folder(source: Path) -> None:
    committed = jupytext.read(source.with_suffix(".ipynb"))
    assert same_cells(committed, jupytext.read(source)), "run scripts/execute_notebooks.py"
    outputs = [output for cell in committed.cells for output in cell.get("outputs", [])]
    assert outputs
    assert all(output["output_type"] != "error" for output in outputs)
    assert private_paths(committed) == []


@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_as_much_as_its_committed_outputs(source: Path) -> None:
    def shown(cells: list[dict[str, object]]) -> list[list[str]]:
        return [[one["output_type"] for one in cell.get("outputs", [])] for cell in cells]  # type: ignore[attr-defined]

    ran = execute(source)
    assert private_paths(ran) == []
    assert shown(ran.cells) == shown(jupytext.read(source.with_suffix(".ipynb")).cells)
