import csv
import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from nas.errors import ReportError
from nas.report import write_report
from tests.nas.report.conftest import MakeSearch

FILES = ("trials.csv", "pareto.csv", "metrics.json", "figures/objectives.png", "figures/hypervolume.png")


@pytest.mark.parametrize(("count", "objectives"), [(0, 2), (1, 1), (1, 2), (24, 1), (24, 2), (24, 3)])
@pytest.mark.parametrize("reference", [True, False])
def test_every_search_has_a_report(
    make_search: MakeSearch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    count: int,
    objectives: int,
    reference: bool,
) -> None:
    study = make_search(count, objectives=objectives, reference=reference, constraints=("memory <= 1.9e6",))
    write_report(study, tmp_path)
    assert all((tmp_path / name).is_file() for name in FILES)
    # Not blank: there is ink, or a sentence on why there is none.
    for name in FILES[3:]:
        assert np.ptp(imread(tmp_path / name)[..., :3]) > 0.5
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert (metrics["trials_better_than_reference"] is None) == (not reference or count == 0)
    printed = capsys.readouterr().out
    assert ("better than" in printed) == (reference and count > 0)
    if count == 24:
        with (tmp_path / "pareto.csv").open() as file:
            for row in csv.DictReader(file):
                assert f"{float(row['accuracy']):.4g}" in printed
    elif count == 0:
        assert "No trial has completed" in printed


def test_what_cannot_be_written_is_named_and_the_rest_is_there(
    make_search: MakeSearch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "figures").write_text("in the way")
    with pytest.raises(ReportError, match=r"figures/objectives\.png cannot be written"):
        write_report(make_search(), tmp_path)
    assert all((tmp_path / name).is_file() for name in FILES[:3])
    assert "Pareto front" in capsys.readouterr().out
