"""What every `nas.strategy.Strategy` keeps to."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from nas.errors import SpaceExhaustedError
from nas.space import IntegerParameter, Space
from nas.space.syntax import parse_space
from nas.strategy import Strategy
from nas.study import Goals, Metric, Proposal, Study, Suggestion

PARAMS: Mapping[str, Any] = {
    "x": "interval(0.0, 1.0)",
    "lr": "tag(log, interval(1e-4, 1e-2))",
    "layers": "int(interval(1, 6))",
    "width": "range(16, 129, 16)",
    "kind": "choice(plain, wide, null)",
    "rate": {"range": "interval(0, 1)", "when": {"kind": "wide"}},
}


def evaluate(point: Mapping[str, Any]) -> dict[str, Metric]:
    """Metrics of a point: an accuracy that costs milliseconds, and bytes."""
    size = float(point["layers"] * point["width"])
    return {
        "accuracy": size**0.5 - 40 * (point["x"] - 0.7) ** 2 + 5 * point.get("rate", 0.0),
        "milliseconds": 1 + size / 100 + 2 * (point["kind"] == "wide"),
        "bytes": 4 * size,
    }


class StrategyContract:
    """Subclass it and override the fixture `strategy`."""

    @pytest.fixture
    def strategy(self) -> Strategy:
        """The strategy under test."""
        raise NotImplementedError("override the fixture strategy")

    @staticmethod
    def study(**goals: Any) -> Study:
        """A study of a mixed space with a condition, of two objectives unless `goals` says otherwise."""
        objectives = goals.pop("objectives", {"accuracy": "maximize", "milliseconds": "minimize"})
        return Study(parse_space(PARAMS, [])[0], Goals.of(objectives, goals.pop("constraints", ())))

    @staticmethod
    def fill(study: Study, count: int) -> None:
        """Adds completed trials."""
        import numpy as np

        units = np.random.default_rng(len(study)).random((count, study.space.dimension))
        proposals = tuple(Proposal(point, "given") for point in study.space.decode(units))
        for trial in study.add(Suggestion(proposals)):
            study.complete(trial.number, evaluate(trial.point), seconds=1.0)

    def check(self, study: Study, suggestion: Suggestion, count: int) -> None:
        """Holds a suggestion against what any must be."""
        space = study.space
        points = [dict(proposal.point) for proposal in suggestion.proposals]
        keys = [space.key(point) for point in points]
        assert len(points) == count
        assert len(set(keys)) == count
        assert all(space.contains(point) for point in points)
        assert not any(study.history.knows(key) for key in keys)
        assert all(proposal.origin for proposal in suggestion.proposals)
        # What is to be found again survives a store.
        kept = [dict(p.attributes) for p in suggestion.proposals], suggestion.state
        assert json.loads(json.dumps(kept)) == list(kept)

    def test_it_proposes_new_points_before_and_after_results(self, strategy: Strategy) -> None:
        """From an empty history on, with pending and failed trials in it."""
        study = self.study()
        suggestion = strategy.suggest(study.history, 4, seed=0)
        self.check(study, suggestion, 4)
        study.add(suggestion)
        self.fill(study, 8)
        study.fail(1, "out of memory")
        suggestion = strategy.suggest(study.history, 3, seed=0)
        self.check(study, suggestion, 3)

    def test_the_same_history_and_seed_give_the_same_points(self, strategy: Strategy) -> None:
        """Nothing is kept between calls."""
        study = self.study()
        self.fill(study, 8)
        before = study.history
        first = strategy.suggest(before, 3, seed=1)
        study.add(first)
        strategy.suggest(study.history, 2, seed=1)
        again = strategy.suggest(before, 3, seed=1)
        assert (again.proposals, again.state) == (first.proposals, first.state)

    @pytest.mark.parametrize(
        "goals",
        [
            {"objectives": {"accuracy": "maximize"}},
            {"objectives": {"accuracy": "maximize", "milliseconds": "minimize", "bytes": "minimize"}},
            {"constraints": ["bytes <= 2000"]},
        ],
        ids=["one objective", "three objectives", "constraint"],
    )
    def test_any_number_of_objectives_and_constraints(
        self, strategy: Strategy, goals: dict[str, Any]
    ) -> None:
        """Whatever a search may be after."""
        study = self.study(**goals)
        self.fill(study, 8)
        self.check(study, strategy.suggest(study.history, 2, seed=0), 2)

    def test_a_finite_space_is_used_up_and_no_point_repeated(self, strategy: Strategy) -> None:
        """Fewer points than asked for, then none."""
        space = Space((IntegerParameter("layers", 1, 3), IntegerParameter("width", 1, 3)))
        study = Study(space, Goals.of({"gain": "maximize", "cost": "minimize"}))
        for _ in range(12):
            try:
                suggestion = strategy.suggest(study.history, 4, seed=0)
            except SpaceExhaustedError:
                break
            for trial in study.add(suggestion):
                layers, width = (int(trial.point[name]) for name in ("layers", "width"))  # type: ignore[arg-type]
                study.complete(trial.number, {"gain": layers + width, "cost": layers * width}, seconds=1.0)
        assert len({space.key(trial.point) for trial in study.history.trials}) == len(study)
        assert len(study) >= 7
