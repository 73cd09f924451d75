from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from nas.space import Space
from nas.space.syntax import parse_space
from nas.study import Goals, Proposal, Study, Suggestion

PARAMS = {
    "x": "interval(0.0, 1.0)",
    "lr": "tag(log, interval(1e-4, 1e-2))",
    "layers": "int(interval(1, 6))",
    "width": "range(16, 129, 16)",
    "heads": "choice(1, 2, 4, 8)",
    "act": "choice(relu, gelu, silu)",
}


@pytest.fixture
def space() -> Space:
    return parse_space(PARAMS, [])[0]


@pytest.fixture
def goals() -> Goals:
    return Goals.of({"accuracy": "maximize", "latency": "minimize"})


@pytest.fixture
def study(space: Space, goals: Goals) -> Study:
    return Study(space, goals)


def evaluate(point: Mapping[str, Any]) -> dict[str, float]:
    """A smooth trade-off: width and layers give accuracy and cost time."""
    size = float(np.log(point["layers"] * point["width"]))
    return {
        "accuracy": size - 4 * (point["x"] - 0.7) ** 2 + (point["act"] == "gelu"),
        "latency": 1 + 0.1 * point["layers"] + point["width"] / 100,
    }


def draw_points(space: Space, count: int, seed: int = 0) -> list[dict[str, Any]]:
    return space.decode(np.random.default_rng(seed).random((count, space.dimension)))


Fill = Callable[..., None]


@pytest.fixture
def fill() -> Fill:
    """Adds a round of completed trials to a study: points, or so many drawn ones."""

    def add(
        study: Study, points: int | list[dict[str, Any]], origin: str = "sobol", reference: bool = False
    ) -> None:
        if isinstance(points, int):
            points = draw_points(study.space, points, seed=len(study))
        proposals = [Proposal(point, origin) for point in points]
        if reference:
            proposals[0] = Proposal(points[0], "reference")
        for trial in study.add(Suggestion(tuple(proposals))):
            study.complete(trial.number, evaluate(trial.point), seconds=1.0)

    return add
