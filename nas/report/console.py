"""Cards on a terminal, or in whatever else takes the output."""

import re
from collections.abc import Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from nas.report.card import Card, Rows
from nas.report.formats import short
from paretoparse.console import new_console

# A column of text is wrapped, but not below this.
_MIN_TEXT = 16
_MAX_HEAD = 8
# Between columns.
_GAP = 2


def show(card: Card, console: Console | None = None) -> None:
    """Prints a card's title, rows and caption.

    Names, paths and errors are the user's: none of them is read as rich's markup.

    Args:
        card: The card.
        console: Where to; standard output by default.
    """
    console = console or new_console()
    console.print(Text(card.title, style="bold"))
    if card.rows is not None and card.rows.cells:
        console.print(layout(card.rows, console.width))
    if card.caption:
        console.print(Text(card.caption))
    console.print()


def layout(rows: Rows, width: int) -> RenderableType:
    """The rows as a table of at most `width` characters; no cell is cut.

    Heads are broken and text is wrapped where that suffices. Otherwise rows become columns.
    """
    cells = [[short(cell) for cell in row] for row in rows.cells]
    texts = [any(isinstance(row[i], str) for row in rows.cells) for i in range(len(rows.columns))]
    widths = [max(cell_len(row[i]) for row in cells) for i in range(len(rows.columns))]
    heads = list(rows.columns)
    if _needed(heads, widths) > width:
        heads = [_broken(head, max(size, _MAX_HEAD)) for head, size in zip(heads, widths, strict=True)]
        widths = [min(size, _MIN_TEXT) if text else size for size, text in zip(widths, texts, strict=True)]
    if _needed(heads, widths) > width:
        return _turned(rows.columns, cells, width)
    # Rich puts a blank beside every cell and one between two.
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for head, text, size in zip(heads, texts, widths, strict=True):
        table.add_column(
            Text(head), justify="left" if text else "right", no_wrap=not text, overflow="fold", min_width=size
        )
    for row in cells:
        table.add_row(*map(Text, row))
    return table


def _needed(heads: Sequence[str], widths: Sequence[int]) -> int:
    lines = [max(map(cell_len, head.split("\n"))) for head in heads]
    return sum(max(pair) + _GAP for pair in zip(lines, widths, strict=True))


def _broken(head: str, width: int) -> str:
    """The head on lines of at most that width, as far as it has places to break it."""
    lines = [""]
    for part in re.findall(r"[^_./ ]+[_./ ]*|[_./ ]+", head):
        if lines[-1] and len(lines[-1] + part.rstrip()) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(line.rstrip() for line in lines)


def _turned(columns: Sequence[str], cells: Sequence[Sequence[str]], width: int) -> RenderableType:
    """The rows as columns, as many side by side as fit; below each other if it is one at a time."""
    left = max(map(cell_len, columns))
    most = max(width - left - _GAP, 1)
    sizes = [min(max(map(cell_len, row)), most) for row in cells]
    blocks: list[RenderableType] = []
    start = 0
    while start < len(cells):
        end, used = start, left
        while end < len(cells) and (end == start or used + _GAP + sizes[end] <= width):
            used += _GAP + sizes[end]
            end += 1
        grid = Table.grid(padding=(0, _GAP, 0, 0), pad_edge=False)
        for _ in range(1 + end - start):
            grid.add_column(overflow="fold")
        for head, *values in zip(columns, *cells[start:end], strict=True):
            grid.add_row(Text(head, style="bold"), *map(Text, values))
        blocks += [Text()] * (start > 0) + [grid]
        start = end
    return Group(*blocks)
