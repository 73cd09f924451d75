"""Hypothesis strategies for values, parameters and spaces."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from nas.space import (
    CategoricalParameter,
    Condition,
    FloatParameter,
    IntegerParameter,
    OrderedParameter,
    Parameter,
    Space,
    Value,
)
from nas.space.parameters import LARGEST_INTEGER
from nas.space.values import identity

words = st.text("abcXYZ019 _-./'\"\\,:=[]{}()$%#@!*+~\té", max_size=12)
floats = st.floats(allow_nan=False, allow_infinity=False)
scalars: st.SearchStrategy[Any] = st.one_of(st.none(), st.booleans(), st.integers(), floats, words)
keys = st.sampled_from(["a", "b.c", "d-e", "_f/g", "H1"])
values: st.SearchStrategy[Value] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)
units = st.floats(0, 1)


@st.composite
def integer_parameters(draw: st.DrawFn, name: str = "p") -> IntegerParameter:
    log = draw(st.booleans())
    low = draw(st.integers(1 if log else -LARGEST_INTEGER, LARGEST_INTEGER - 1))
    high = draw(st.integers(low + 1, LARGEST_INTEGER) | st.integers(low + 1, min(low + 99, LARGEST_INTEGER)))
    return IntegerParameter(name, low, high, draw(st.integers(1, high - low)), log)


@st.composite
def float_parameters(draw: st.DrawFn, name: str = "p") -> FloatParameter:
    low = draw(st.floats(1e-299, 1e290))
    narrowest = draw(st.sampled_from([1.1e-5, 1.1e-9]))
    high = min(low * (1 + draw(st.sampled_from([narrowest, 1e-3, 1.0, 100.0, 1e30]))), 1e300)
    if narrowest == 1.1e-5 and draw(st.booleans()):
        return FloatParameter(name, low, high, log=True)
    return FloatParameter(
        name, *draw(st.sampled_from([(low, high), (-high, -low), (-low, high), (0.0, high)]))
    )


@st.composite
def ordered_parameters(draw: st.DrawFn, name: str = "p") -> OrderedParameter:
    numbers = st.lists(st.integers() | floats, min_size=2, max_size=30, unique=True)
    return OrderedParameter(name, tuple(draw(numbers)))


@st.composite
def categorical_parameters(draw: st.DrawFn, name: str = "p") -> CategoricalParameter:
    found = draw(st.lists(values, min_size=2, max_size=5, unique_by=identity))
    return CategoricalParameter(name, tuple(found))


def parameters(name: str = "p") -> st.SearchStrategy[Parameter]:
    kinds = (integer_parameters, float_parameters, ordered_parameters, categorical_parameters)
    return st.one_of([kind(name) for kind in kinds])


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    """Up to five parameters; any after a discrete one may depend on a value of that."""
    found = [draw(parameters(f"p{i}")) for i in range(draw(st.integers(1, 5)))]
    conditions = {}
    for index, parameter in enumerate(found):
        parents = [p for p in found[:index] if p.size is not None]
        if parents and draw(st.booleans()):
            parent = draw(st.sampled_from(parents))
            conditions[parameter.name] = Condition(parent.name, (draw(a_value(parent)),))
    prefixes = {p.name: "+" for p in found if draw(st.booleans())}
    return Space(tuple(found), {}, conditions, prefixes)


@st.composite
def a_value(draw: st.DrawFn, parameter: Parameter) -> Value:
    space = Space((parameter,))
    return draw(points(space))[parameter.name]


@st.composite
def points(draw: st.DrawFn, space: Space) -> dict[str, Value]:
    row = draw(st.lists(units, min_size=space.dimension, max_size=space.dimension))
    return space.decode(np.array([row]))[0]
