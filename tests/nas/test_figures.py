from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nas.errors import ReportError
from nas.figures import comparison_figure, objectives_figure, save, write_figures
from nas.space import Space
from nas.strategy.sobol import SobolStrategy
from nas.study import Study

MakeStudy = Callable[..., Study]
Fill = Callable[..., None]


def test_objectives_show_trials_and_reference(make_study: MakeStudy, space: Space, fill: Fill) -> None:
    study = make_study(reference={})
    points = [p.point for p in SobolStrategy().suggest(study, space, 9, seed=0)]
    fill(study, points[:1], origin="reference")
    fill(study, points[1:6])
    fill(study, points[6:], origin="bayesian", batch=1)
    axes = objectives_figure(study).axes[0]
    drawn = {str(group.get_label()): np.asarray(group.get_offsets()) for group in axes.collections}
    assert {label: len(dots) for label, dots in drawn.items()} == {
        "Sobol": 5,
        "Bayesian optimisation": 3,
        "Reference model (1, 1)": 1,
    }
    assert drawn["Reference model (1, 1)"].tolist() == [[1.0, 1.0]]
    reference = np.array(study.trials()[0].values)
    expected = np.array([trial.values for trial in study.trials()[1:6]]) / reference
    np.testing.assert_allclose(drawn["Sobol"], expected[:, ::-1])


def test_searches_side_by_side(make_study: MakeStudy, space: Space, fill: Fill, tmp_path: Path) -> None:
    study = make_study()
    with pytest.raises(ReportError, match="no trial has completed"):
        write_figures(study, tmp_path)
    fill(study, [p.point for p in SobolStrategy().suggest(study, space, 5, seed=0)])
    figure = comparison_figure({"left": study, "right": study})
    assert [axes.get_title()[:5] for axes in figure.axes[:2]] == ["left:", "right"]
    save(figure, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
