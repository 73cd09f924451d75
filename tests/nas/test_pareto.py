import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nas.pareto import better_than, front, hypervolume, hypervolume_trace
from nas.space import Array

shapes = st.tuples(st.integers(0, 12), st.just(2))
objectives = arrays(np.float64, shapes, elements=st.integers(-3, 6).map(float))
ZERO = np.zeros(2)


@given(objectives)
def test_hypervolume_equals_the_counted_cells(values: Array) -> None:
    # On integers the dominated area is the number of unit cells whose upper corner some point dominates.
    cells = [(a, b) for a in range(1, 7) for b in range(1, 7) if any(x >= a and y >= b for x, y in values)]
    assert hypervolume(values, ZERO) == len(cells)


@given(objectives)
def test_the_front_is_what_nothing_dominates(values: Array) -> None:
    mask = front(values)
    kept = {tuple(row) for row in values[mask]}
    expected = {tuple(row) for row in values if not any((o >= row).all() and (o > row).any() for o in values)}
    assert kept == expected
    assert mask.sum() == len(expected)


@given(objectives)
def test_the_trace_never_falls_and_ends_at_the_whole(values: Array) -> None:
    trace = hypervolume_trace(values, ZERO)
    assert len(trace) == len(values)
    assert (np.diff(trace) >= 0).all()
    assert not len(values) or trace[-1] == hypervolume(values, ZERO)


def test_better_means_in_both() -> None:
    assert better_than(np.array([[1.0, 1.0], [1.0, 0.0], [2.0, -1.0]]), ZERO).tolist() == [True, False, False]
