import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from nas.report.card import Card, Rows
from nas.report.console import show

NAMES = st.text(alphabet="abc_/ [].", min_size=1, max_size=30)
CELLS = st.one_of(st.none(), st.integers(), st.floats(), st.text(alphabet="xyz [/]", max_size=40))


def printed(card: Card, width: int) -> str:
    stream = io.StringIO()
    show(card, Console(file=stream, width=width))
    return stream.getvalue()


def bare(text: str) -> str:
    return "".join(text.split()).replace("─", "")


@given(st.data())
def test_no_cell_is_cut_and_no_line_too_long(data: st.DataObject) -> None:
    columns = tuple(data.draw(st.lists(NAMES, min_size=1, max_size=12)))
    rows = data.draw(st.lists(st.tuples(*(CELLS for _ in columns)), min_size=1, max_size=5))
    width = data.draw(st.integers(40, 160))
    text = printed(Card("card", "Title", "", Rows(columns, rows)), width)
    assert max(map(len, text.splitlines())) <= width
    # Wrapped or not, what is printed is made of all characters of all cells.
    wanted = sorted(
        bare("Title" + "".join(columns)) + "".join(bare(_shown(cell)) for row in rows for cell in row)
    )
    found = sorted(bare(text))
    for character in set(wanted):
        assert found.count(character) >= wanted.count(character)


def _shown(cell: object) -> str:
    return cell if isinstance(cell, str) else ""


@pytest.mark.parametrize("width", [200, 80, 30])
def test_markup_of_the_users_is_printed_as_it_is(width: int) -> None:
    rows = Rows(("[b]name[/b]", "error"), [("[/]", "[red]x[/red]"), (":smile:", "[link=a]b")])
    text = printed(Card("card", "[bold]", "see [/tmp/run]", rows), width)
    for word in ("[b]name[/b]", "[/]", "[red]x[/red]", ":smile:", "[link=a]b", "[bold]", "see [/tmp/run]"):
        assert word in text


def test_many_columns_become_rows() -> None:
    columns = tuple(f"column_{i}" for i in range(20))
    text = printed(Card("card", "t", "", Rows(columns, [tuple(range(1000, 1020))] * 8)), 80)
    line = next(line for line in text.splitlines() if line.startswith("column_7 "))
    assert line.split() == ["column_7", *["1007"] * 8]
