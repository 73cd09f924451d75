from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes

from nas.errors import ReportError
from nas.report.cards import compare
from nas.space import Space
from nas.study import Goals
from nas.study.store import Definition, StoredStudy, open_or_create, open_study
from tests.nas.conftest import Fill
from tests.nas.report.conftest import MakeSearch


def lines(axes: Axes) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    return {str(line.get_label()): np.asarray(line.get_ydata()) for line in axes.lines}


def test_searches_of_one_strategy_are_one_line_that_ends_with_the_first_of_them(
    make_search: MakeSearch,
) -> None:
    studies = {f"tpe-{seed}": make_search(24 + 8 * seed, seed=seed, lead=-0.5) for seed in range(3)}
    studies |= {f"gp-{seed}": make_search(16, seed=seed, origin="gp", lead=-0.5) for seed in range(2)}
    card = compare("convergence", studies)
    assert card.rows is not None
    assert card.figure is not None
    assert "no hours" in card.caption
    rows = {row[0]: dict(zip(card.rows.columns, row, strict=True)) for row in card.rows.cells}
    assert (rows["tpe"]["searches"], rows["tpe"]["evaluations"]) == (3, 24)
    assert (rows["gp"]["searches"], rows["gp"]["evaluations"]) == (2, 16)
    assert rows["tpe"]["standard error"] > 0
    assert rows["gp"]["standard error"] is None
    for row in rows.values():
        assert 0 < row["lowest"] <= row["hypervolume"] <= row["highest"]
    (axes,) = card.figure.axes
    drawn = lines(axes)
    assert list(drawn) == ["TPE, 3 searches", "GP, 2 searches"]
    for line in drawn.values():
        assert line[0] == 0
        assert np.all(np.diff(line) >= 0)


def test_the_mean_is_that_of_the_searches(make_search: MakeSearch) -> None:
    studies = {str(seed): make_search(seed=seed, lead=-0.5) for seed in range(4)}
    rows = compare("convergence", studies).rows
    each = compare("comparison", studies).rows
    assert rows is not None
    assert each is not None
    volumes = [row[each.columns.index("hypervolume")] for row in each.cells]
    found = dict(zip(rows.columns, rows.cells[0], strict=True))
    assert found["hypervolume"] == pytest.approx(np.mean(volumes))
    assert found["standard error"] == pytest.approx(np.std(volumes, ddof=1) / 2)


@pytest.mark.parametrize("reference", [True, False])
@pytest.mark.parametrize("objectives", [1, 3])
def test_other_numbers_of_objectives(make_search: MakeSearch, objectives: int, reference: bool) -> None:
    studies = {
        str(seed): make_search(seed=seed, objectives=objectives, reference=reference) for seed in (0, 1)
    }
    card = compare("convergence", studies)
    assert card.rows is not None
    assert card.figure is not None
    assert ("best value" in card.rows.columns) == (objectives == 1)
    assert card.figure.axes[0].get_ylabel().startswith("best accuracy" if objectives == 1 else "hypervolume")


def stored(folder: Path, space: Space, goals: Goals, name: str) -> StoredStudy:
    folder.mkdir()
    settings = {"strategy": {"name": name}}
    definition = Definition(space.describe(), goals.describe(), None, {}, settings)
    return open_or_create(folder, definition, None, None, accept_changes=False)


def test_stored_studies_have_hours_and_tell_their_strategies(
    space: Space, goals: Goals, fill: Fill, tmp_path: Path
) -> None:
    # The first round alone, which is Sobol's in any strategy.
    for name in ("saasbo", "sobol"):
        fill(stored(tmp_path / name, space, goals, name), 8, reference=True)
    card = compare("convergence", {name: open_study(tmp_path / name) for name in ("saasbo", "sobol")})
    assert card.rows is not None
    assert card.figure is not None
    rows = {row[0]: dict(zip(card.rows.columns, row, strict=True)) for row in card.rows.cells}
    assert set(rows) == {"saasbo", "sobol"}
    assert 0 < rows["saasbo"]["hours"] < 0.1
    left, right = card.figure.axes
    assert [left.get_xlabel(), right.get_xlabel()] == ["evaluations", "hours of search"]
    for label, line in lines(left).items():
        assert lines(right)[label][-1] == line[-1]


def test_what_cannot_be_compared_is_refused(make_search: MakeSearch) -> None:
    with pytest.raises(ReportError, match="other objectives"):
        compare("convergence", {"a": make_search(), "b": make_search(objectives=3)})
    with pytest.raises(ReportError, match="b has no completed trial"):
        compare("convergence", {"a": make_search(), "b": make_search(0)})
