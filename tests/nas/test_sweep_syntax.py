import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from nas.errors import SpaceError
from nas.space import CategoricalParameter, FloatParameter, IntegerParameter, OrderedParameter, Parameter
from nas.sweep_syntax import format_overrides, parse_space, reference_point


@pytest.mark.parametrize(
    ("sweep", "parameter"),
    [
        ("interval(0, 1)", FloatParameter("p", 0.0, 1.0)),
        ("tag(log, interval(1e-4, 1e-2))", FloatParameter("p", 1e-4, 1e-2, log=True)),
        ("tag(log, int(interval(500, 8000)))", IntegerParameter("p", 500, 8000, log=True)),
        ("range(48, 257, 16)", IntegerParameter("p", 48, 256, 16)),
        ("'range(3, 32, 2)'", IntegerParameter("p", 3, 31, 2)),
        ("choice(8, 1, 2)", OrderedParameter("p", (1, 2, 8))),
        ("range(0.1, 0.35, 0.1)", OrderedParameter("p", (0.1, 0.2, 0.3))),
        ("choice(relu, 'a b')", CategoricalParameter("p", ("relu", "a b"))),
        ("a,b", CategoricalParameter("p", ("a", "b"))),
    ],
)
def test_sweeps_become_parameters(sweep: str, parameter: Parameter) -> None:
    assert parse_space({"p": sweep}, [])[0].parameters == (parameter,)


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ("3", "is no sweep"),
        ("interval(2, 1)", "low < high"),
        ("tag(log, interval(0, 1))", "above 0"),
        ("tag(log, choice(1, 2))", "log needs"),
        ("tag(square, interval(1, 2))", "unknown tag square"),
        ("choice(1, a)", "numbers, or of strings"),
        ("choice(1)", "at least two"),
        ("glob(*)", "not supported"),
        ("interval(1", "override syntax"),
    ],
)
def test_bad_sweeps_are_explained(sweep: str, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        parse_space({"p": sweep}, [])


PARAMS = {
    "d": "range(48, 257, 16)",
    "l": "int(interval(1, 6))",
    "x": "interval(0, 1)",
    "a": "choice(u, v, w)",
}


def test_a_value_fixes_and_other_overrides_stay() -> None:
    space, others = parse_space(PARAMS, ["l=3", "trainer.epochs=2", "a=v"])
    assert space.fixed == {"l": 3, "a": "v"}
    assert space.names == ["d", "x"]
    assert others == ["trainer.epochs=2"]


@pytest.mark.parametrize(
    ("argument", "parameter"),
    [
        ("d=interval(60, 130)", IntegerParameter("d", 64, 128, 16)),
        ("d='interval(60, 130)'", IntegerParameter("d", 64, 128, 16)),
        ("d=interval(16, 64)", IntegerParameter("d", 16, 64, 16)),
        ("d=range(64, 129, 32)", IntegerParameter("d", 64, 128, 32)),
        ("d=choice(64, 128)", OrderedParameter("d", (64, 128))),
        ("x=interval(0.1, 0.2)", FloatParameter("x", 0.1, 0.2)),
        ("a=choice(w, u)", CategoricalParameter("a", ("w", "u"))),
    ],
)
def test_a_sweep_re_ranges_and_keeps_type_and_step(argument: str, parameter: Parameter) -> None:
    space = parse_space(PARAMS, [argument])[0]
    assert {p.name: p for p in space.parameters}[parameter.name] == parameter


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("l=9", r"l=9 is out of range: it must be an integer from 1 to 6"),
        ("d=50", "in steps of 16"),
        ("x=high", "a number from 0 to 1"),
        ("a=z", "one of u, v, w"),
        ("d=choice(64, 65)", "65 is not allowed"),
        ("d=interval(65, 70)", "no value between"),
        ("a=interval(0, 1)", "use choice"),
    ],
)
def test_values_out_of_range_are_explained(argument: str, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        parse_space(PARAMS, [argument])


def test_a_sweep_over_something_else_adds_a_parameter() -> None:
    space, others = parse_space(PARAMS, ["seed=choice(1, 2)"])
    assert space.names == [*PARAMS, "seed"]
    assert others == []


values = st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False))
words = st.text("abcXYZ019 _-./'\"\\,:=[]{}()$%#@!*+", min_size=1, max_size=12)


@given(st.one_of(values, words))
def test_hydra_reads_back_what_is_formatted(value: bool | int | float | str) -> None:
    (override,) = format_overrides({"a.b": value})
    parsed = OverridesParser.create().parse_override(override)
    assert parsed.key_or_group == "a.b"
    assert parsed.value() == value
    assert type(parsed.value()) is type(value)


def test_the_reference_is_completed_from_the_configuration() -> None:
    space = parse_space({"x": "interval(0, 1)", "y": "interval(0, 1)"}, ["y=0.5"])[0]
    assert reference_point({"y": 2, "epochs": 3}, space, {"x": 0.25}) == {"x": 0.25, "y": 2, "epochs": 3}
    with pytest.raises(SpaceError, match="has no x"):
        reference_point({}, space, {})


def test_the_last_override_of_a_name_counts() -> None:
    params = {"a": "interval(0.0, 1.0)", "b": "int(interval(1, 4))"}
    assert parse_space(params, ["b=2", "b=3"])[0].fixed == {"b": 3}
    space, _ = parse_space(params, ["a=0.5", "a=interval(0.0, 0.2)", "b=1"])
    assert list(space.names) == ["a"]
    assert space.fixed == {"b": 1}
    with pytest.raises(SpaceError, match="b"):
        parse_space(params, ["b=2", "b=9"])
