from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nas import figures, report
from nas.errors import ReportError
from nas.space import Space, read_space
from nas.strategy.bayesian import BayesianStrategy
from nas.strategy.sobol import SobolStrategy
from nas.study import Study, TrialState
from nas.surrogate.saas import SaasSurrogate
from nas.surrogate_figures import leave_one_out_figure, parameter_figure

MakeStudy = Callable[..., Study]
Fill = Callable[..., None]


def test_a_described_space_is_read_back(space: Space) -> None:
    fixed = Space(space.parameters[1:], {space.names[0]: 3})
    for one in (space, fixed):
        again = read_space(one.describe())
        assert again.describe() == one.describe()
        units = np.random.default_rng(0).random((20, one.dimension))
        assert again.decode(units) == one.decode(units)


def test_figure_2_and_importances_from_the_study_alone(
    make_study: MakeStudy, space: Space, fill: Fill, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = make_study(reference={})
    points = [p.point for p in SobolStrategy().suggest(study, space, 14, seed=0)]
    fill(study, points[:1], origin="reference")
    with pytest.raises(ReportError, match="needs 4"):
        leave_one_out_figure(study)
    fill(study, points[1:])
    figure, _ = leave_one_out_figure(study)
    panels = figure.axes
    assert [axes.get_title().split(":")[0] for axes in panels] == [
        "accuracy, SAAS",
        "accuracy, MAP",
        "latency, SAAS",
        "latency, MAP",
    ]
    # Both objectives are drawn as ratios to the reference, the one to minimise too.
    drawn = panels[3].containers[0][0].get_xdata()  # type: ignore[index]
    values = np.array([trial.values for trial in study.trials(TrialState.COMPLETED)])
    np.testing.assert_allclose(drawn, values[:, 1] / values[0, 1])
    _, table = parameter_figure(study)
    assert table.row_count == len(space.parameters)
    figures.main([f"study={tmp_path}", "figure=importance", f"out={tmp_path / 'some' / 'file.png'}"])
    assert (tmp_path / "some" / "file.png").read_bytes()[:4] == b"\x89PNG"
    assert "width" in capsys.readouterr().out
    with pytest.raises(ReportError, match="no figure=9"):
        figures.main([f"study={tmp_path}", "figure=9"])


def test_a_batch_leaves_its_diagnostics_in_the_study_and_the_report(
    make_study: MakeStudy, space: Space, fill: Fill, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = make_study()
    fill(study, [p.point for p in SobolStrategy().suggest(study, space, 8, seed=0)])
    strategy = BayesianStrategy(SaasSurrogate(warmup=64, samples=64))
    strategy.suggest(study, space, 2, seed=0)
    (found,) = study.diagnostics().values()
    assert [one["objective"] for one in found] == [0, 1]
    assert all(one["observations"] == 8 and one["rhat"] >= 0.9 for one in found)
    report.main([f"study={tmp_path}"])
    assert "Convergence of the surrogate" in capsys.readouterr().out
