"""A card: one thing to know about a search, as numbers, as a picture and in a sentence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

# Tables are written after every round of a search, which need not wait for matplotlib.
if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Rows:
    """A table of plain values; `nas.report.formats` says how they are written.

    Attributes:
        columns: Their names.
        cells: The rows, each as long as `columns`; None where there is no value.
    """

    columns: tuple[str, ...]
    cells: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Card:
    """What console, files and notebooks show alike.

    Attributes:
        name: What commands and files call it.
        title: A few words.
        caption: What it shows and how to read it, in a sentence or two.
        rows: Its numbers; None if it is a figure alone.
        draw: Makes its figure; None if it is a table alone.
    """

    name: str
    title: str
    caption: str
    rows: Rows | None = None
    draw: "Callable[[], Figure] | None" = None

    @cached_property
    def figure(self) -> "Figure | None":
        """The figure, drawn when it is asked for."""
        return None if self.draw is None else self.draw()

    def _repr_html_(self) -> str:
        """The card as notebooks show it."""
        from nas.report.html import to_html

        return to_html(self)
