"""Every notebook runs from top to bottom, and what is committed of it is of this very text."""

import sys
from pathlib import Path

import jupytext
import pytest
from nbformat import NotebookNode, v4

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from execute_notebooks import NOTEBOOKS, execute, pictures, private_paths, same_cells  # noqa: E402

SOURCES = sorted(NOTEBOOKS.glob("*.py"))


def committed(source: Path) -> NotebookNode:
    return jupytext.read(source.with_suffix(".ipynb"))


def kinds(notebook: NotebookNode) -> list[list[list[str]]]:
    """Of each cell's each output, what it is."""
    return [
        [[output.output_type, *sorted(output.get("data", {}))] for output in cell.get("outputs", [])]
        for cell in notebook.cells
    ]


def test_every_notebook_is_a_pair_and_in_the_table() -> None:
    assert SOURCES
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == {path.stem for path in SOURCES}
    table = (NOTEBOOKS / "README.md").read_text()
    assert all(f"({path.stem}.ipynb)" in table for path in SOURCES)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_committed_outputs_are_of_this_text_and_of_no_machine(source: Path) -> None:
    notebook = committed(source)
    assert same_cells(notebook, jupytext.read(source)), "run scripts/execute_notebooks.py"
    assert pictures(notebook) > 0
    assert "error" not in str(kinds(notebook))
    assert private_paths(notebook) == []
    assert all("execution" not in cell.metadata for cell in notebook.cells)


@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_as_much_as_its_committed_outputs(source: Path) -> None:
    ran = execute(source)
    assert private_paths(ran) == []
    assert kinds(ran) == kinds(committed(source))
    assert pictures(ran) == pictures(committed(source))


@pytest.mark.parametrize("kind", ["text/plain", "text/html"])
def test_paths_are_found_in_any_output_and_pictures_are_none(kind: str) -> None:
    def showing(text: str) -> NotebookNode:
        return v4.new_notebook(
            cells=[v4.new_code_cell(outputs=[v4.new_output("display_data", data={kind: text})])]
        )

    picture = '<img src="data:image/png;base64,aa/home/user/b==">'
    assert private_paths(showing(f"<b>accuracy / reference</b>{picture}<td>a/b/c</td>")) == []
    assert private_paths(showing("saved to /home/user/x.pt.")) == ["/home/user/x.pt."]
    assert private_paths(showing("<td>/tmp/tmp123/app</td>")) == ["/tmp/tmp123/app"]
