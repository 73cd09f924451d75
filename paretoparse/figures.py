"""The look of figures, and how they become files, the same ones from the same figure. Slow to import."""

import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from matplotlib import rc_context, rcParams
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from paretoparse.errors import FigureError

# Okabe and Ito's colours, which colour-blind readers tell apart; lines and markers tell them apart in grey.
BLUE, VERMILION, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
SKY, ORANGE, GREY, DARK = "#56b4e9", "#e69f00", "#8c8c8c", "#222222"
# Colours and lines of what is compared, in this order.
CYCLE = (BLUE, VERMILION, GREEN, PURPLE, SKY, ORANGE)
LINES = ("-", "--", "-.", ":")
# Of the lines between ticks, or between the cells of a table of colours.
GRID_COLOR, GRID_WIDTH = "#e6e6e6", 0.6
DPI = 200

# Where formats would keep the time of writing.
_NO_TIME = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}


def style(axes: Axes, *, grid: bool = True) -> None:
    """Gives axes the project's look; `grid`: with lines at the ticks, behind what is drawn."""
    axes.spines[["top", "right"]].set_visible(False)
    if grid:
        axes.grid(color=GRID_COLOR, linewidth=GRID_WIDTH)
        axes.set_axisbelow(True)


def add_legend(figure: Figure, handles: Sequence[Artist], columns: int) -> None:
    """Puts a legend above all panels, in at most so many columns: fewer where the figure is too narrow."""
    for count in range(columns, 0, -1):
        legend = figure.legend(
            handles=handles, frameon=False, fontsize=8, loc="outside upper center", ncols=count
        )
        if count == 1 or legend.get_window_extent().width <= figure.bbox.width:
            break
        legend.remove()


def write_figure(figure: Figure, path: Path) -> None:
    """Writes a figure so that readers see all of it or nothing.

    Args:
        figure: The figure.
        path: The file; its name's ending, such as .png, .pdf or .svg, says in which format.

    Raises:
        FigureError: If the file cannot be written, or its ending is none of a format.
    """
    kind = path.suffix[1:].lower() or "png"
    if kind not in FigureCanvasAgg.get_supported_filetypes():
        raise FigureError(f"{path} has the ending of no figure; name it .png, .pdf or .svg.")
    temporary = path.with_name(f".{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _render(figure, temporary, kind, DPI)
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):  # what stops the writing may stop the tidying up
            temporary.unlink(missing_ok=True)
        raise FigureError(
            f"the figure {path} cannot be written ({error.strerror or error}); make room or choose another "
            "file."
        ) from error


def write_png(figure: Figure, stream: IO[bytes], *, dpi: int) -> None:
    """Writes a figure as PNG to a stream; `dpi` in dots an inch."""
    _render(figure, stream, "png", dpi)


def _render(figure: Figure, target: Path | IO[bytes], kind: str, dpi: int) -> None:
    # Names of metrics and folders are no formulas, whatever dollars they hold.
    for text in figure.findobj(Text):
        text.set_parse_math(False)
    FigureCanvasAgg(figure)
    with warnings.catch_warnings(), rc_context():
        # Text stays text, to be searched and read aloud, and names in the file are the same in every run.
        rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "paretoparse"})
        # A letter that the font lacks is drawn as a box, and that says it all.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(target, dpi=dpi, format=kind, metadata=_NO_TIME.get(kind))
