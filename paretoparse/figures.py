"""How matplotlib's figures become files, the same ones from the same figure. Slow to import."""

import warnings
from contextlib import suppress
from pathlib import Path
from typing import IO

from matplotlib import rc_context, rcParams
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from paretoparse.errors import FigureError

DPI = 200

# Where formats would keep the time of writing.
_NO_TIME = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}


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
            "file with out=FILE."
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
