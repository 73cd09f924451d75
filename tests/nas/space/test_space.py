import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch.quasirandom import SobolEngine

from nas.errors import SpaceError
from nas.space import (
    CategoricalParameter,
    Condition,
    FloatParameter,
    IntegerParameter,
    OrderedParameter,
    Point,
    Space,
    difference,
    read_space,
    tell,
)
from tests.nas.space.strategies import points, spaces

OPTIMISER = CategoricalParameter("optimiser", ("adam", "sgd"))
MOMENTUM = FloatParameter("momentum", 0.0, 1.0)
NESTEROV = CategoricalParameter("nesterov", (True, False))
DAMPING = IntegerParameter("damping", 1, 3)


@pytest.fixture
def conditional() -> Space:
    """The momentum counts with SGD, the damping with SGD and Nesterov's form."""
    conditions = {
        "damping": Condition("nesterov", (True,)),
        "momentum": Condition("optimiser", ("sgd",)),
        "nesterov": Condition("optimiser", ("sgd",)),
    }
    return Space((DAMPING, OPTIMISER, MOMENTUM, NESTEROV), {}, conditions)


def draw(space: Space, count: int) -> list[Point]:
    engine = SobolEngine(space.dimension, scramble=True, seed=1)  # type: ignore[no-untyped-call]
    return space.decode(engine.draw(count).double().numpy())


def test_categories_take_a_column_each(space: Space) -> None:
    assert space.dimension == 8
    row = space.encode([{"x": 0, "lr": 1e-2, "layers": 1, "width": 16, "heads": 1, "act": "gelu"}])[0]
    assert row.tolist() == [0, 1, 1 / 12, 1 / 16, 1 / 8, 0, 1, 0]


@given(st.data(), spaces())
def test_points_survive_the_unit_cube_and_their_space_json(data: st.DataObject, space: Space) -> None:
    point = data.draw(points(space))
    assert space.contains(point)
    assert set(point) == {name for name in space.names if space.is_active(name, point)}
    assert space.decode(space.encode([point])) == [point]
    again = read_space(json.loads(json.dumps(space.describe())))
    assert again == space
    assert again.key(json.loads(json.dumps(point))) == space.key(point)


def test_the_studies_of_before_describe_the_same_spaces() -> None:
    described = {
        "n": {"type": "IntegerParameter", "low": 1, "high": 5, "step": 2, "log": True},
        "x": {"type": "FloatParameter", "low": 0.0, "high": 0.5, "log": False},
        "o": {"type": "OrderedParameter", "values": [1, 2, 4]},
        "c": {"type": "CategoricalParameter", "values": ["a", True]},
        "f": {"type": "fixed", "value": 3},
    }
    space = Space(
        (
            IntegerParameter("n", 1, 5, 2, log=True),
            FloatParameter("x", 0.0, 0.5),
            OrderedParameter("o", (4, 1, 2)),
            CategoricalParameter("c", ("a", True)),
        ),
        {"f": 3},
    )
    assert space.describe() == described
    assert read_space(described) == space


def test_inactive_parameters_are_nowhere_but_at_one_place_of_the_cube(conditional: Space) -> None:
    drawn = draw(conditional, 256)
    names = {frozenset(point) for point in drawn}
    assert names == {
        frozenset({"optimiser"}),
        frozenset({"optimiser", "momentum", "nesterov"}),
        frozenset({"optimiser", "momentum", "nesterov", "damping"}),
    }
    adam = [point for point in drawn if point["optimiser"] == "adam"]
    assert 100 < len(adam) < 156
    assert len({conditional.key(point) for point in adam}) == 1
    np.testing.assert_array_equal(
        np.unique(conditional.encode(adam), axis=0), [[0.5, 1.0, 0.0, 0.5, 0.5, 0.5]]
    )
    assert conditional.overrides(adam[0]) == ["optimiser=adam"]
    assert conditional.decode(conditional.encode(drawn)) == drawn
    assert all(conditional.contains(point) for point in drawn)
    loud = {"optimiser": "adam", "momentum": 0.9, "damping": 2}
    assert conditional.key(loud) == conditional.key({"optimiser": "adam"})
    assert not conditional.contains({"optimiser": "sgd", "momentum": 0.5})


def test_a_neighbour_gets_what_its_new_value_makes_active(conditional: Space) -> None:
    steps = conditional.neighbours({"optimiser": "adam"})
    assert steps == [("optimiser", "sgd")]
    point = conditional.canonical({"optimiser": "sgd"})
    assert point == {"optimiser": "sgd", "momentum": 0.5, "nesterov": True, "damping": 2}
    assert conditional.canonical(point) == point
    reached = [conditional.canonical(point | {name: value}) for name, value in conditional.neighbours(point)]
    assert {"optimiser": "adam"} in reached
    assert {"optimiser": "sgd", "momentum": 0.5, "nesterov": False} in reached
    assert all(conditional.contains(other) for other in reached)
    assert len({conditional.key(other) for other in [point, *reached]}) == 1 + len(reached)


@given(st.data(), spaces())
def test_a_finite_space_has_as_many_points_as_its_size(data: st.DataObject, space: Space) -> None:
    sizes = [parameter.size for parameter in space.parameters]
    assert (space.size is None) == (None in sizes)
    if space.size is not None and space.size <= 64 and space.dimension < 12:
        # Everything that neighbours reach from one point.
        known = {space.key(point): point for point in [data.draw(points(space))]}
        ahead = list(known.values())
        while ahead:
            point = ahead.pop()
            for name, value in space.neighbours(point):
                other = space.canonical(point | {name: value})
                if space.key(other) not in known:
                    known[space.key(other)] = other
                    ahead.append(other)
        assert len(known) == space.size


def test_the_size_counts_only_what_differs(conditional: Space) -> None:
    counted = Space(
        (OPTIMISER, NESTEROV, DAMPING),
        {},
        {name: conditional.conditions[name] for name in ("nesterov", "damping")},
    )
    assert counted.size == 1 + (1 + 3)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Space(()), "no parameter is left"),
        (lambda: Space((DAMPING,), {}, {"damping": Condition("x", (1,))}), "is no parameter"),
        (lambda: Space((DAMPING,), {}, {"x": Condition("damping", (1,))}), "is no parameter"),
        (lambda: Space((DAMPING,), {}, {"damping": Condition("damping", (1,))}), "back to itself"),
        (lambda: Space((DAMPING, MOMENTUM), {}, {"damping": Condition("momentum", (1,))}), "continuous"),
        (
            lambda: Space((DAMPING, OPTIMISER), {}, {"damping": Condition("optimiser", ("rprop",))}),
            "optimiser=rprop never holds; optimiser is one of adam, sgd",
        ),
    ],
)
def test_what_cannot_be_a_space_is_refused(build: Callable[[], Space], message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        build()


def test_difference_names_what_changed() -> None:
    before = {"a": {"low": 1, "high": 2}, "b": 1}
    assert difference(before, before) == []
    assert difference(before, {"a": {"low": 1, "high": 3}, "c": "x"}) == [
        "a: high: was 2, is 3",
        "b: was 1, is null",
        'c: was null, is "x"',
    ]


def test_only_the_first_differences_are_told() -> None:
    lines = [str(number) for number in range(9)]
    assert tell(lines[:6]) == "0; 1; 2; 3; 4; 5"
    assert tell(lines) == "0; 1; 2; 3; 4; 5; and 3 more"


def test_uniform_quantiles_give_every_value_of_a_choice_equally_often() -> None:
    space = Space((CategoricalParameter("act", ("a", "b", "c", "d")), IntegerParameter("layers", 1, 4)))
    shares = (np.arange(40) + 0.5) / 40
    points = space.at_quantiles(np.stack([shares, shares[::-1]], axis=1))
    assert [p["act"] for p in points] == [value for value in "abcd" for _ in range(10)]
    assert [p["layers"] for p in points] == [value for value in (4, 3, 2, 1) for _ in range(10)]
    ends = space.at_quantiles(np.array([[0.0, 0.0], [1.0, 1.0]]))
    assert [tuple(p.values()) for p in ends] == [("a", 1), ("d", 4)]
