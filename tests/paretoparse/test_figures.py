import io
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from paretoparse.blocks import kinds_legend
from paretoparse.errors import FigureError
from paretoparse.figures import CYCLE, GRID_COLOR, add_legend, style, write_figure, write_png


def drawn() -> Figure:
    figure = Figure(figsize=(3, 2), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=CYCLE[0], label="$a$_b")
    axes.set_title("costs 5 $, not 6 $")
    style(axes)
    return figure


@pytest.mark.parametrize("ending", [".png", ".pdf", ".svg", ".PNG"])
def test_the_same_figure_is_the_same_file_and_nothing_else_is_left(tmp_path: Path, ending: str) -> None:
    for name in "ab":
        write_figure(drawn(), tmp_path / "deep" / f"{name}{ending}")
    first, second = sorted((tmp_path / "deep").iterdir())
    assert (first.name, second.name) == (f"a{ending}", f"b{ending}")
    assert first.read_bytes() == second.read_bytes()


def test_dollars_are_no_formulas(tmp_path: Path) -> None:
    write_figure(drawn(), tmp_path / "a.svg")
    assert "costs 5 $, not 6 $" in (tmp_path / "a.svg").read_text()


def test_a_figure_that_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    with pytest.raises(FigureError, match=r"a\.nonsense has the ending of no figure"):
        write_figure(drawn(), tmp_path / "a.nonsense")
    (tmp_path / "file").write_text("old")
    with pytest.raises(FigureError, match=r"file/a\.png cannot be written"):
        write_figure(drawn(), tmp_path / "file" / "a.png")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_a_stream_has_the_png_in_its_resolution() -> None:
    stream = io.BytesIO()
    write_png(drawn(), stream, dpi=50)
    stream.seek(0)
    assert imread(stream).shape[:2] == (100, 150)


def test_the_look_is_two_spines_and_a_grid_behind_unless_there_is_none() -> None:
    (axes,) = drawn().axes
    assert {side: spine.get_visible() for side, spine in axes.spines.items()} == {
        "left": True,
        "bottom": True,
        "top": False,
        "right": False,
    }
    assert axes.get_axisbelow() is True
    assert {line.get_color() for line in axes.get_xgridlines()} == {GRID_COLOR}
    bare = Figure().subplots()
    style(bare, grid=False)
    assert not any(line.get_visible() for line in bare.get_xgridlines())


@pytest.mark.parametrize("width", [2.5, 4.0, 8.0])
def test_a_legend_of_blocks_stays_inside_figures_of_any_width(width: float) -> None:
    figure = Figure(figsize=(width, 3), layout="constrained")
    figure.subplots()
    add_legend(figure, kinds_legend(), 3)
    figure.canvas.draw()
    (legend,) = figure.legends
    assert len(legend.get_texts()) == len(kinds_legend())
    inside = legend.get_window_extent()
    assert figure.bbox.x0 <= inside.x0
    assert inside.x1 <= figure.bbox.x1
