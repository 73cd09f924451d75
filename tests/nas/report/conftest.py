from collections.abc import Callable

import numpy as np
import pytest

from nas.space import Space
from nas.study import Goals, Proposal, Study, Suggestion
from tests.nas.conftest import draw_points, evaluate

DIRECTIONS = {"accuracy": "maximize", "latency": "minimize", "memory": "minimize"}
MakeSearch = Callable[..., Study]


@pytest.fixture
def make_search(space: Space) -> MakeSearch:
    """Makes a search in memory, in rounds of 8: a reference, Sobol points, then those of `origin`."""

    def make(
        count: int = 24,
        *,
        objectives: int = 2,
        constraints: tuple[str, ...] = (),
        reference: bool = True,
        origin: str = "tpe",
        lead: float = 0.0,
        seed: int = 0,
    ) -> Study:
        """Every seventh trial fails; `lead` is how much better the reference is than its point."""
        goals = Goals.of(dict(list(DIRECTIONS.items())[:objectives]), constraints)
        study = Study(space, goals)
        noise = np.random.default_rng(seed).random(count)
        points = draw_points(space, count, seed)
        for start in range(0, count, 8):
            origins = ["sobol" if start == 0 else origin for _ in points[start : start + 8]]
            if start == 0 and reference:
                origins[0] = "reference"
            proposals = map(Proposal, points[start : start + 8], origins)
            for trial in study.add(Suggestion(tuple(proposals)), seconds=0.5):
                number = trial.number
                if number % 7 == 6:
                    study.fail(number, "ValueError: [red]no[/red] such thing")
                    continue
                metrics = evaluate(trial.point) | {"memory": 1e6 * (1 + noise[number]), "latency_low": 0.5}
                if trial.origin == "reference":
                    metrics |= {"accuracy": metrics["accuracy"] + lead, "latency": metrics["latency"] - lead}
                study.complete(number, metrics, seconds=1.25)
        study.note("seconds", 60.0)
        return study

    return make
