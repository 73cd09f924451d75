import numpy as np
import pytest

from nas.errors import ReportError
from nas.report.cards import compare, make_card
from tests.nas.report.conftest import MakeSearch


@pytest.mark.parametrize("objectives", [1, 2, 3])
def test_searches_side_by_side(make_search: MakeSearch, objectives: int) -> None:
    studies = {
        "a_$x$": make_search(seed=1, objectives=objectives),
        "b": make_search(30, objectives=objectives),
    }
    card = compare("comparison", studies)
    assert card.rows is not None
    assert card.rows.columns[-1] == "results better than the reference's"
    assert [row[0] for row in card.rows.cells] == ["a_$x$", "b"]
    figure = card.figure
    assert figure is not None
    if objectives == 2:
        assert [axes.get_title().split(":")[0] for axes in figure.axes[:2]] == ["a_$x$", "b"]
    else:
        assert [line.get_label() for line in figure.axes[0].lines] == ["a_$x$", "b"]


def test_without_references_all_are_measured_from_one_point(make_search: MakeSearch) -> None:
    first, second = make_search(24, reference=False), make_search(16, reference=False)
    rows = compare("comparison", {"long": first, "short": second}).rows
    assert rows is not None
    assert "results better than the reference's" not in rows.columns
    long, short = (row[rows.columns.index("hypervolume")] for row in rows.cells)
    # The short search is the start of the long one.
    assert long >= short > 0
    same = compare("comparison", {"one": first, "two": first}).rows
    assert same is not None
    assert same.cells[0][1:] == same.cells[1][1:]


def test_what_cannot_be_compared_is_refused(make_search: MakeSearch) -> None:
    with pytest.raises(ReportError, match="other objectives"):
        compare("comparison", {"a": make_search(), "b": make_search(objectives=3)})
    with pytest.raises(ReportError, match="b has no completed trial"):
        compare("comparison", {"a": make_search(), "b": make_search(0)})
    with pytest.raises(ReportError, match="at least two"):
        make_card("comparison", make_search())


def test_a_useless_fast_model_flattens_no_panel(make_search: MakeSearch) -> None:
    first, second = make_search(40), make_search(40, seed=1)
    first.complete(3, {**first[3].metrics, "accuracy": -1e3, "latency": -10.0}, seconds=1.0)
    figure = compare("comparison", {"a": first, "b": second}).figure
    assert figure is not None
    assert np.ptp(figure.axes[0].get_ylim()) < 10
    assert "1 far worse, not shown" in figure.axes[0].get_legend_handles_labels()[1]
