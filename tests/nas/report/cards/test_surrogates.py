import numpy as np
import pytest

from nas.errors import ReportError
from nas.report import make_card
from nas.study import Suggestion
from tests.nas.report.conftest import MakeSearch


def test_leave_one_out_and_importance_come_from_the_study_alone(make_search: MakeSearch) -> None:
    study = make_search(10, origin="saas")
    card = make_card("leave_one_out", study)
    assert card.rows is not None
    assert [row[:2] for row in card.rows.cells] == [
        *(("accuracy", "SAAS"), ("accuracy", "MAP")),
        *(("latency", "SAAS"), ("latency", "MAP")),
    ]
    figure = card.figure
    assert figure is not None
    # Both objectives are drawn as ratios to the reference, the one to minimise too.
    values = np.array([trial.values for trial in study.history.completed])
    shown = figure.axes[3].containers[0][0].get_xdata()
    np.testing.assert_allclose(shown, values[:, 1] / values[0, 1])
    importance = make_card("importance", make_search(10, objectives=1))
    assert importance.rows is not None
    assert sorted(row[0] for row in importance.rows.cells) == sorted(study.space.names)
    shares = np.array([row[1:] for row in importance.rows.cells], dtype=float)
    assert ((shares[:, 1::3] <= shares[:, ::3]) & (shares[:, ::3] <= shares[:, 2::3])).all()
    assert importance.figure is not None
    assert [axes.get_title() for axes in importance.figure.axes] == ["accuracy"]


@pytest.mark.parametrize("name", ["leave_one_out", "importance"])
def test_too_few_trials_are_no_fit(make_search: MakeSearch, name: str) -> None:
    with pytest.raises(ReportError, match="needs 4"):
        make_card(name, make_search(3))


def test_convergence_names_the_metrics_of_the_fits(make_search: MakeSearch) -> None:
    study = make_search(8, constraints=("memory <= 2e6",))
    fit = {"observations": 8, "rhat": 1.01, "converged": True}
    fits = [{"objective": index} | fit for index in range(3)]
    study.add(Suggestion((), (fits[0], fits[1] | {"converged": False}, fits[2] | {"fallback": True})))
    card = make_card("convergence", study)
    assert card.rows is not None
    assert [(row[1], row[-1]) for row in card.rows.cells] == [
        ("accuracy", "converged"),
        ("latency", "not converged"),
        ("memory", "MAP-SAAS"),
    ]
    assert card.caption == "3 fits, 2 of them did not converge."
