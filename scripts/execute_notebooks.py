"""Run notebooks and keep what they put out: `python scripts/execute_notebooks.py [NAME ...]`.

Reads `notebooks/NAME.py`, runs it in that folder and writes `notebooks/NAME.ipynb`: all of them where none is
named. What differs from run to run and says nothing (times, folders, process numbers) is left out.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import jupytext
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from paretoparse.cli import plain_main
from paretoparse.errors import ParetoParseError, UsageError

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
TIMEOUT = 300
_TEXTS = ("text/plain", "text/html")
_PICTURE = re.compile("data:image/png;base64,[A-Za-z0-9+/=]+")


class NotebookError(ParetoParseError):
    """A notebook cannot be run."""


def execute(source: Path) -> NotebookNode:
    """Run a notebook.

    Args:
        source: Its `.py` file.

    Returns:
        It, with outputs and without what is only of this run.

    Raises:
        CellExecutionError: A cell failed.
    """
    notebook = jupytext.read(source)
    resources = {"metadata": {"path": str(NOTEBOOKS)}}
    NotebookClient(notebook, timeout=TIMEOUT, resources=resources, coalesce_streams=True).execute()
    notebook.metadata.pop("language_info", None)
    for number, cell in enumerate(notebook.cells):
        cell.id = str(number)
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
            for output in cell.outputs:
                if "text/html" in output.get("data", {}):  # its plain form says less, and where objects lie
                    output.data.pop("text/plain", None)
    return notebook


def same_cells(first: NotebookNode, second: NotebookNode) -> bool:
    """Whether two notebooks have the same cells, outputs aside."""

    def cells(notebook: NotebookNode) -> list[tuple[str, str]]:
        return [(cell.cell_type, cell.source.rstrip()) for cell in notebook.cells]

    return cells(first) == cells(second)


def private_paths(notebook: NotebookNode) -> list[str]:
    """Absolute paths in a notebook's outputs."""
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            texts = [output.get("text", ""), *(output.get("data", {}).get(kind, "") for kind in _TEXTS)]
            for text in texts:
                found += re.findall(r"(?<![\w./<])/[\w.-]+/[\w./-]+", _PICTURE.sub("", text))
    return found


def pictures(notebook: NotebookNode) -> int:
    """How many pictures a notebook shows, by themselves or in cards."""
    outputs = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])]
    cards = (len(_PICTURE.findall(data.get("text/html", ""))) for data in outputs)
    return sum("image/png" in data for data in outputs) + sum(cards)


def main(names: Sequence[str]) -> None:
    """Run the notebooks of these names, or all.

    Raises:
        UsageError: There is no such notebook.
        NotebookError: A cell failed.
    """
    sources = [NOTEBOOKS / f"{Path(name).stem}.py" for name in names] or sorted(NOTEBOOKS.glob("*.py"))
    for source in sources:
        if not source.is_file():
            there = ", ".join(sorted(one.stem for one in NOTEBOOKS.glob("*.py")))
            raise UsageError(f"there is no notebook {source.name}; there are: {there}.")
        try:
            notebook = execute(source)
        except CellExecutionError as error:
            raise NotebookError(f"{source.name}: {error}") from error
        jupytext.write(notebook, source.with_suffix(".ipynb"))
        print(source.with_suffix(".ipynb").relative_to(ROOT))


if __name__ == "__main__":
    plain_main(main, __doc__)
