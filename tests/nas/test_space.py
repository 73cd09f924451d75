import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.errors import SpaceError
from nas.space import (
    CategoricalParameter,
    FloatParameter,
    IntegerParameter,
    OrderedParameter,
    Parameter,
    Space,
    difference,
)

units = st.floats(0, 1)


@st.composite
def parameters(draw: st.DrawFn) -> Parameter:
    kind = draw(st.sampled_from(["integer", "float", "ordered", "categorical"]))
    log = draw(st.booleans())
    if kind == "integer":
        low, step = draw(st.integers(1 if log else -50, 3000)), draw(st.integers(1, 40))
        return IntegerParameter("p", low, low + draw(st.integers(1, 60)) * step + 1, step, log)
    if kind == "float":
        low = draw(st.floats(1e-6, 10)) if log else draw(st.floats(-100, 100))
        return FloatParameter("p", low, low + draw(st.floats(1e-3, 1e3)), log)
    if kind == "ordered":
        return OrderedParameter(
            "p", tuple(draw(st.lists(st.integers(-9, 9), min_size=2, max_size=30, unique=True)))
        )
    return CategoricalParameter(
        "p", tuple(draw(st.lists(st.text("abc", max_size=4), min_size=2, unique=True)))
    )


@given(parameters(), st.lists(units, min_size=40, max_size=40))
def test_decoded_values_survive_a_round_trip(parameter: Parameter, unit: list[float]) -> None:
    space = Space((parameter,))
    point = space.decode(np.array([unit[: space.dimension]]))[0]
    assert space.contains(point)
    encoded = space.encode([point])
    assert encoded.shape == (1, space.dimension)
    assert encoded.dtype == np.float64
    assert ((encoded >= 0) & (encoded <= 1)).all()
    again = space.decode(encoded)[0]
    if parameter.size is None:
        # Rounding to six digits may leave a bound that has more digits itself, and only there.
        value = float(point["p"])
        assert again["p"] == value or value in (parameter.low, parameter.high)  # type: ignore[attr-defined]
    else:
        assert again == point


@given(st.integers(1, 500), st.integers(1, 40), st.integers(1, 80))
def test_every_integer_of_a_log_range_survives(low: int, step: int, count: int) -> None:
    space = Space((IntegerParameter("n", low, low + step * count, step, log=True),))
    points = [{"n": low + step * i} for i in range(count + 1)]
    assert space.decode(space.encode(points)) == points


def test_uniform_draws_give_every_value_equally_often(space: Space) -> None:
    grid = (np.arange(4800) + 0.5) / 4800
    for parameter in space.parameters:
        if parameter.size is not None and parameter.width == 1:
            values = [parameter.decode([unit]) for unit in grid]
            counts = [values.count(value) for value in dict.fromkeys(values)]
            assert len(counts) == parameter.size
            assert set(counts) == {4800 // parameter.size}


def test_categories_take_a_column_each(space: Space) -> None:
    assert space.dimension == 8
    row = space.encode([{"x": 0, "lr": 1e-2, "layers": 1, "width": 16, "heads": 1, "act": "gelu"}])[0]
    assert row.tolist() == [0, 1, 1 / 12, 1 / 16, 1 / 8, 0, 1, 0]


@pytest.mark.parametrize(
    ("value", "inside"),
    [(48, True), (64, True), (50, False), (272, False), (256, True), (True, False), ("x", False)],
)
def test_contains_only_its_own_values(value: int, inside: bool) -> None:
    assert IntegerParameter("n", 48, 256, 16).contains(value) is inside


@given(parameters(), st.lists(units, min_size=40, max_size=40))
def test_neighbours_are_other_values_that_have_it_as_neighbour(
    parameter: Parameter, unit: list[float]
) -> None:
    value = parameter.decode(unit[: parameter.width])
    neighbours = parameter.neighbours(value)
    assert bool(neighbours) == (parameter.size is not None)
    assert all(parameter.contains(other) and other != value for other in neighbours)
    assert all(value in parameter.neighbours(other) for other in neighbours)


def test_nothing_left_to_search_is_refused() -> None:
    with pytest.raises(SpaceError, match="no parameter is left"):
        Space(())


def test_difference_names_what_changed() -> None:
    before = {"a": {"low": 1, "high": 2}, "b": 1}
    assert difference(before, before) == []
    assert difference(before, {"a": {"low": 1, "high": 3}, "c": "x"}) == [
        "a: high: was 2, is 3",
        "b: was 1, is null",
        'c: was null, is "x"',
    ]
