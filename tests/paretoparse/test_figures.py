from pathlib import Path

import pytest
from matplotlib.figure import Figure

from paretoparse.errors import FigureError
from paretoparse.figures import write_figure


def figure() -> Figure:
    drawn = Figure()
    drawn.subplots().set_title("what $it$ says")
    return drawn


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_the_same_figure_is_the_same_file(kind: str, tmp_path: Path) -> None:
    paths = [tmp_path / "new" / f"{name}.{kind}" for name in "ab"]
    for path in paths:
        write_figure(figure(), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_text_stays_text(tmp_path: Path) -> None:
    write_figure(figure(), tmp_path / "a.svg")
    assert ">what $it$ says</text>" in (tmp_path / "a.svg").read_text(encoding="utf-8")


def test_what_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(FigureError, match=r"name it \.png"):
        write_figure(figure(), tmp_path / "a.txt")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FigureError, match="cannot be written"):
        write_figure(figure(), tmp_path / "file" / "a.png")
