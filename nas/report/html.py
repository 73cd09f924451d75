"""Cards in a notebook or on a page: self-contained HTML."""

import base64
import io
from collections.abc import Iterable
from html import escape

from nas.report.card import Card, Rows
from nas.report.formats import short
from paretoparse.figures import write_png

# Small: a notebook keeps every one of them.
_DPI = 90
_MAX_ROWS = 50


def to_html(card: Card) -> str:
    """A `figure` element with the card's title, picture, rows (the first 50) and caption."""
    parts = [f"<strong>{escape(card.title)}</strong>"]
    if card.figure is not None:
        buffer = io.BytesIO()
        write_png(card.figure, buffer, dpi=_DPI)
        picture = base64.b64encode(buffer.getvalue()).decode("ascii")
        parts.append(f'<br><img alt="{escape(card.title)}" src="data:image/png;base64,{picture}">')
    if card.rows is not None:
        parts.append(_table(card.rows))
    parts.append(f"<figcaption>{escape(card.caption)}</figcaption>")
    return f'<figure class="card" id="{escape(card.name)}">{"".join(parts)}</figure>'


def _table(rows: Rows) -> str:
    lines = [_line("th", rows.columns), *(_line("td", map(short, row)) for row in rows.cells[:_MAX_ROWS])]
    left = len(rows.cells) - _MAX_ROWS
    more = f"<p>and {left} more</p>" if left > 0 else ""
    return f"<table>{''.join(lines)}</table>{more}"


def _line(tag: str, texts: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(text)}</{tag}>' for text in texts)}</tr>"
