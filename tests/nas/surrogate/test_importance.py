"""Importances of a function whose important inputs are known."""

from io import StringIO

import numpy as np
import pytest
import torch
from rich.console import Console

from nas.surrogate.errors import SurrogateError
from nas.surrogate.gp import GpSurrogate
from nas.surrogate.importance import importance_figure, importance_table, importances
from nas.surrogate.observations import Observations
from nas.surrogate.saas import SaasSurrogate

NAMES = ["width", "rate", "kind", "unused"]
COLUMNS = [slice(0, 1), slice(1, 2), slice(2, 4), slice(4, 5)]


@pytest.fixture(scope="module")
def data() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    X = torch.rand(30, 5, generator=generator, dtype=torch.float64)
    return X, torch.stack([torch.sin(6 * X[:, 1]), 3 * X[:, 2] - 3 * X[:, 3]], -1)


def test_the_inputs_that_the_function_uses_lead(data: tuple[torch.Tensor, torch.Tensor]) -> None:
    model = SaasSurrogate(warmup=128, samples=64, thinning=4).fit(Observations(*data), seed=0)
    first, second = importances(model, NAMES, COLUMNS)
    assert NAMES[first.ranking()[0]] == "rate"
    assert NAMES[second.ranking()[0]] == "kind"
    for one in (first, second):
        assert (one.lower <= one.median).all()
        assert (one.median <= one.upper).all()
        assert one.upper.max() <= 1
    assert first.median[1] > 0.5

    panels = importance_figure([first, second], ["accuracy", "latency"]).axes
    assert [panel.get_title() for panel in panels] == ["accuracy", "latency"]
    assert [label.get_text() for label in panels[0].get_yticklabels()][-1] in ("rate", "kind")
    console = Console(width=120, record=True, file=StringIO())
    console.print(importance_table([first, second], ["accuracy", "latency"]))
    rows = console.export_text().splitlines()
    assert sum(name in row for row in rows for name in NAMES) == 4


def test_a_map_fit_has_no_interval(data: tuple[torch.Tensor, torch.Tensor]) -> None:
    for one in importances(GpSurrogate().fit(Observations(*data), seed=0), NAMES, COLUMNS):
        np.testing.assert_array_equal(one.lower, one.upper)
        assert one.median.sum() == pytest.approx(1)


def test_columns_of_another_space_are_refused(data: tuple[torch.Tensor, torch.Tensor]) -> None:
    with pytest.raises(SurrogateError, match="5 columns"):
        importances(GpSurrogate().fit(Observations(*data), seed=0), NAMES, COLUMNS[:3])
