import re
from html import escape
from pathlib import Path

import pytest

from nas.errors import ReportError
from nas.report import cards, make_card
from nas.report.formats import short
from tests.nas.report.conftest import MakeSearch

QUICK = ("confirmation", "diagnostics", "front", "hypervolume", "objectives", "summary", "trials")


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("count", [0, 24])
def test_console_and_notebook_show_the_same_card(make_search: MakeSearch, name: str, count: int) -> None:
    card = make_card(name, make_search(count))
    assert card.name == name
    page = card._repr_html_()
    assert escape(card.title) in page
    assert (card.figure is None) == ("<img" not in page)
    assert len(page) < 100_000
    if card.rows is not None:
        shown = re.findall(r"<td>(.*?)</td>", page)
        assert len(shown) == sum(map(len, card.rows.cells))
        assert set(shown) >= {
            short(cell) for row in card.rows.cells for cell in row if not isinstance(cell, str)
        }
        assert "[red]no[/red]" in page or name != "trials" or not count


def test_a_file_is_all_that_a_card_takes(
    make_search: MakeSearch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "from nas.report.card import Card\n"
        "def card(study):\n"
        "    return Card('count', 'Count', f'{len(study)} <trials>.')\n"
    )
    (tmp_path / "count.py").write_text(code)
    monkeypatch.setattr(cards, "__path__", [*cards.__path__, str(tmp_path)])
    assert "count" in cards.names()
    assert "24 &lt;trials&gt;." in make_card("count", make_search())._repr_html_()


def test_an_unknown_card_is_refused_with_those_that_there_are(make_search: MakeSearch) -> None:
    with pytest.raises(ReportError, match=r"no figure=9; choose one of search, architectures, .*trials\."):
        make_card("9", make_search(0))


@pytest.mark.parametrize(
    ("reference", "lead", "sentence"),
    [
        (
            True,
            -1.0,
            "better than the reference in every objective with a probability of at least 0.95; hypervolume",
        ),
        (True, 0.5, "6 on the front, 0 better than the reference"),
        (False, 0.0, "There is no reference, so the hypervolume of"),
    ],
)
def test_the_summary_speaks_of_a_reference_where_there_is_one(
    make_search: MakeSearch, reference: bool, lead: float, sentence: str
) -> None:
    caption = make_card("summary", make_search(reference=reference, lead=lead)).caption
    assert caption.startswith("21 trials completed, 3 failed, ")
    assert sentence in caption
