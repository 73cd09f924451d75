import json

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
)
from nas.space.parameters import LARGEST_INTEGER
from nas.space.values import check_value, identity
from tests.nas.space.strategies import float_parameters, integer_parameters, parameters, points, values


@given(st.data(), parameters())
def test_decoded_values_survive_the_unit_cube_and_json(data: st.DataObject, parameter: Parameter) -> None:
    space = Space((parameter,))
    point = data.draw(points(space))
    assert space.contains(point)
    encoded = space.encode([point])
    assert encoded.shape == (1, space.dimension)
    assert encoded.dtype == np.float64
    assert ((encoded >= 0) & (encoded <= 1)).all()
    again = space.decode(encoded)[0]
    stored = json.loads(json.dumps(point))
    for other in (again, stored):
        assert identity(other) == identity(point)
        assert space.key(other) == space.key(point)


@given(float_parameters())
def test_the_ends_of_a_range_of_floats_are_reached(parameter: FloatParameter) -> None:
    ends = [parameter.low, parameter.high]
    assert parameter.decode(np.array([[0.0], [1.0]])) == ends
    assert parameter.decode(parameter.encode(ends)) == ends


def test_there_is_one_zero() -> None:
    assert str(FloatParameter("x", -1e-9, 1.0).decode(np.array([[1e-12]]))) == "[0.0]"


@given(float_parameters())
def test_a_range_of_floats_is_not_rounded_to_a_few_values(parameter: FloatParameter) -> None:
    grid = np.linspace(0, 1, 1001)[:, None]
    decoded = parameter.decode(grid)
    assert len(set(decoded)) == 1001
    assert decoded == sorted(decoded)
    np.testing.assert_allclose(parameter.encode(decoded), grid, atol=1e-4)


@given(integer_parameters(), st.lists(st.integers(0, LARGEST_INTEGER)))
def test_every_integer_survives(parameter: IntegerParameter, steps: list[int]) -> None:
    numbers = [parameter.low + step % parameter.size * parameter.step for step in [0, *steps, -1]]
    assert parameter.decode(parameter.encode(numbers)) == numbers


def test_uniform_draws_give_every_value_equally_often(space: Space) -> None:
    grid = (np.arange(4800)[:, None] + 0.5) / 4800
    for parameter in space.parameters:
        if parameter.size is not None and parameter.width == 1:
            drawn = list(parameter.decode(grid))
            counts = [drawn.count(value) for value in set(drawn)]
            assert counts == [4800 // parameter.size] * parameter.size


def test_uniform_draws_give_every_category_equally_often() -> None:
    parameter = CategoricalParameter("p", (None, True, 1, "a", [1]))
    drawn = [identity(value) for value in parameter.decode(np.random.default_rng(0).random((20_000, 5)))]
    counts = [drawn.count(identity(value)) for value in parameter.values]
    assert sum(counts) == 20_000
    # Four standard deviations of a binomial count.
    assert all(abs(count - 4000) < 4 * np.sqrt(20_000 * 0.2 * 0.8) for count in counts)


@pytest.mark.parametrize(
    ("value", "inside"),
    [
        *[(48, True), (64, True), (50, False), (272, False), (256, True), (True, False), ("x", False)],
        *[(float("nan"), False), (float("inf"), False), (10**400, False), (None, False), ([64], False)],
    ],
)
def test_contains_only_its_own_values(value: object, inside: bool) -> None:
    assert IntegerParameter("n", 48, 256, 16).contains(value) is inside
    assert FloatParameter("n", 48.0, 256.0).contains(value) is (inside or value == 50)
    assert OrderedParameter("n", (48, 64, 256)).contains(value) is inside


def test_values_of_a_choice_are_told_apart_by_type() -> None:
    parameter = CategoricalParameter("p", (1, True, "1", None, "null", 0.1, [1]))
    assert not any(parameter.contains(value) for value in (1.0, "true", [True], ["1"], {}))
    assert len({parameter.key(value) for value in parameter.values}) == 7


@given(st.data(), parameters())
def test_neighbours_are_other_values_that_have_it_as_neighbour(
    data: st.DataObject, parameter: Parameter
) -> None:
    value = data.draw(points(Space((parameter,))))["p"]
    neighbours = parameter.neighbours(value)
    assert bool(neighbours) == (parameter.size is not None)
    assert all(parameter.contains(other) and identity(other) != identity(value) for other in neighbours)
    for other in neighbours:
        assert identity(value) in map(identity, parameter.neighbours(other))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: IntegerParameter("n", 3, 3), "is one value; write n=3"),
        (lambda: IntegerParameter("n", 1, 3, 5), "is one value; write n=1"),
        (lambda: IntegerParameter("n", 4, 3), "swap them"),
        (lambda: IntegerParameter("n", 1, 3, 0), "at least 1"),
        (lambda: IntegerParameter("n", 0, 3, log=True), "start at 1"),
        (lambda: IntegerParameter("n", 0, 2**53 + 1), "cannot be told apart"),
        (lambda: FloatParameter("x", 0.5, 0.5), "is one value; write x=0.5"),
        (lambda: FloatParameter("x", 0.0, float("inf")), "finite"),
        (lambda: FloatParameter("x", -1e301, 1e301), "another unit"),
        (lambda: FloatParameter("x", 0.0, 1e-310), "another unit"),
        (lambda: FloatParameter("x", 1.0, 1.0 + 1e-12), "too narrow"),
        (lambda: FloatParameter("x", 1.0, 1.0 + 1e-7, log=True), "too narrow"),
        (lambda: OrderedParameter("o", (1, 1.0)), "write o=1"),
        (lambda: OrderedParameter("o", ()), "without a value"),
        (lambda: OrderedParameter("o", (1, float("nan"))), "nan cannot be searched"),
        (lambda: CategoricalParameter("c", ("a", [float("inf")])), "inf cannot be searched"),
        (lambda: CategoricalParameter("c", ("a", "b", "a")), "names a value twice"),
        (lambda: CategoricalParameter("c", ("a", {1: 2})), "use a plain word"),
        (lambda: CategoricalParameter("c", ("a", 1j)), "is no value"),
    ],
)
def test_what_cannot_be_a_parameter_is_refused_with_the_remedy(build: type, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        build()


@given(values)
def test_only_equal_values_are_identical(value: object) -> None:
    assert identity(check_value("p", value)) == identity(value)
    assert identity([value]) != identity(value)
