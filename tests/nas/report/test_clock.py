import numpy as np
import pytest

from nas.report.clock import search_hours
from nas.space import Space
from nas.study import Goals, Proposal, Study, Suggestion
from tests.nas.conftest import Fill, draw_points

HOUR = 3600.0


class Timed(Study):
    """A study in memory whose times are set."""

    clock: dict[int, tuple[float, float]]

    @property
    def times(self) -> dict[int, tuple[float, float]]:
        return self.clock


def timed(space: Space, goals: Goals, rounds: list[list[tuple[float, float]]], proposing: float) -> Timed:
    """Rounds of trials, each from when to when in hours; proposing a round takes so many hours."""
    study = Timed(space, goals)
    points = iter(draw_points(space, sum(map(len, rounds))))
    for spans in rounds:
        study.add(Suggestion(tuple(Proposal(next(points), "tpe") for _ in spans)), seconds=proposing * HOUR)
    times = [(HOUR * start, HOUR * end) for spans in rounds for start, end in spans]
    study.clock = dict(enumerate(times))
    return study


def test_proposing_counts_and_a_pause_between_rounds_does_not(space: Space, goals: Goals) -> None:
    study = timed(space, goals, [[(10, 11), (10, 12)], [(112.5, 113), (112.5, 114)]], 0.5)
    assert search_hours(study) == pytest.approx({0: 1.5, 1: 2.5, 2: 3.5, 3: 4.5})


def test_rounds_that_overlap_count_once(space: Space, goals: Goals) -> None:
    study = timed(space, goals, [[(0, 1), (0, 4)], [(1, 2), (1, 3)], [(2, 5)]], 0.0)
    assert search_hours(study) == pytest.approx({0: 1, 1: 4, 2: 2, 3: 3, 4: 5})


def test_hours_never_run_backwards(space: Space, goals: Goals) -> None:
    rng = np.random.default_rng(0)
    starts = rng.uniform(0, 50, size=(20, 1)) + np.zeros(3)
    ends = starts + rng.uniform(0, 5, size=starts.shape)
    rounds = [
        [(float(a), float(b)) for a, b in zip(*one, strict=True)] for one in zip(starts, ends, strict=True)
    ]
    found = search_hours(timed(space, goals, rounds, 0.1))
    in_order = [found[i] for i in np.argsort(ends.ravel())]
    assert np.all(np.diff(in_order) >= -1e-9)
    assert in_order[0] > 0
    assert in_order[-1] <= ends.max() - starts.min() + 0.1 + 1e-9


def test_a_pause_within_a_round_does_not_count_where_sessions_are_kept(space: Space, goals: Goals) -> None:
    study = timed(space, goals, [[(0, 1), (0, 10)], [(11, 12)]], 0.0)
    # Stopped twice within the first round, and once between rounds.
    sessions = [(0, 2), (5, 6), (8, 10), (10.5, 12)]
    study.note("sessions", [(HOUR * begin, HOUR * end) for begin, end in sessions])
    assert search_hours(study) == pytest.approx({0: 1, 1: 5, 2: 6})


def test_a_pause_before_the_sessions_that_are_kept_counts(space: Space, goals: Goals) -> None:
    study = timed(space, goals, [[(0, 1), (0, 10)], [(11, 12), (11, 20)]], 0.0)
    study.note("sessions", [(HOUR * 11, HOUR * 12), (HOUR * 15, HOUR * 20)])
    assert search_hours(study) == pytest.approx({0: 1, 1: 10, 2: 11, 3: 16})


def test_what_nobody_timed_has_no_hours(study: Study, fill: Fill) -> None:
    assert search_hours(study) == {}
    fill(study, 8)
    assert search_hours(study) == {}
