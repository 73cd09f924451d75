import json
import re
from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from omegaconf import OmegaConf

from nas.errors import SpaceError
from nas.space import (
    CategoricalParameter,
    Condition,
    FloatParameter,
    IntegerParameter,
    OrderedParameter,
    Parameter,
)
from nas.space.syntax import configured_values, parse_space, reference_point
from nas.space.values import format_value, identity
from tests.nas.space.strategies import values, words


@pytest.mark.parametrize(
    ("sweep", "parameter"),
    [
        ("interval(0, 1)", FloatParameter("p", 0.0, 1.0)),
        ("interval(1e-300, 1e300)", FloatParameter("p", 1e-300, 1e300)),
        ("tag(log, interval(1e-4, 1e-2))", FloatParameter("p", 1e-4, 1e-2, log=True)),
        ("int(interval(1, 6))", IntegerParameter("p", 1, 6)),
        ("tag(log, int(interval(500, 8000)))", IntegerParameter("p", 500, 8000, log=True)),
        ("int(tag(log, interval(500, 8000)))", IntegerParameter("p", 500, 8000, log=True)),
        ("range(48, 257, 16)", IntegerParameter("p", 48, 256, 16)),
        ("range(10, 1, -2)", IntegerParameter("p", 2, 10, 2)),
        ("range(1, 1000000000)", IntegerParameter("p", 1, 999_999_999)),
        ("shuffle(range(0, 4))", IntegerParameter("p", 0, 3)),
        ("sort(range(4, 0, -1))", IntegerParameter("p", 1, 4)),
        ("tag(log, range(1, 100))", IntegerParameter("p", 1, 99, log=True)),
        ("'range(3, 32, 2)'", IntegerParameter("p", 3, 31, 2)),
        ("choice(8, 1, 2)", OrderedParameter("p", (1, 2, 8))),
        ("range(0.1, 0.35, 0.1)", OrderedParameter("p", (0.1, 0.2, 0.3))),
        ("range(0, 0.9, 0.3)", OrderedParameter("p", (0.0, 0.3, 0.6))),
        ("range(1, 0, -0.25)", OrderedParameter("p", (0.25, 0.5, 0.75, 1.0))),
        ("float(range(1, 4))", OrderedParameter("p", (1.0, 2.0, 3.0))),
        ("int(choice(1.5, 2.5))", OrderedParameter("p", (1, 2))),
        ("choice(relu, 'a b')", CategoricalParameter("p", ("relu", "a b"))),
        ("a,b", CategoricalParameter("p", ("a", "b"))),
        ("shuffle(b, a)", CategoricalParameter("p", ("b", "a"))),
        ("sort(b, a)", CategoricalParameter("p", ("a", "b"))),
        ("'a, b',c", CategoricalParameter("p", ("a, b", "c"))),
        ("choice(null, 0.1)", CategoricalParameter("p", (None, 0.1))),
        ("auto,1,2,'1'", CategoricalParameter("p", ("auto", 1, 2, "1"))),
        ("true,false,1", CategoricalParameter("p", (True, False, 1))),
        ("str(1, true)", CategoricalParameter("p", ("1", "true"))),
        ("bool(0, 1)", CategoricalParameter("p", (False, True))),
        ("[128,'32'],[64]", CategoricalParameter("p", ([128, "32"], [64]))),
        ("{a:1,b:[x]},{a:2}", CategoricalParameter("p", ({"a": 1, "b": ["x"]}, {"a": 2}))),
    ],
)
def test_sweeps_become_parameters(sweep: str, parameter: Parameter) -> None:
    (found,) = parse_space({"p": sweep}, [])[0].parameters
    assert found == parameter
    assert str(found) == str(parameter)  # also the types of the values
    if "'range" not in sweep:
        assert parse_space({}, [f"p={sweep}"])[0].parameters == (parameter,)


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ("3", "is no sweep"),
        (None, "is no sweep"),
        ([1, 2], "is no sweep"),
        ("'hello, world'", "is no sweep"),
        ("'not(closed'", "is no sweep"),
        ("interval(2, 1)", "low < high"),
        ("interval(1, 1)", "write p=1.0"),
        ("interval(0, inf)", "finite"),
        ("tag(log, interval(0, 1))", "above 0"),
        ("tag(log, choice(1, 2))", "log needs"),
        ("tag(log, range(0.1, 1, 0.1))", "log needs"),
        ("tag(square, interval(1, 2))", "unknown tag square"),
        ("tag(logg, choice(1, 2))", "unknown tag logg"),
        ("int(tag(log, range(1, 9)))", "write it outside"),
        ("tag(log, tag(x, interval(1, 9)))", "write it outside"),
        ("float(null, 1)", "while evaluating"),
        ("choice(interval(0, 1), 2)", "whole values"),
        ("choice(range(1, 5))", "whole values"),
        ("bool(interval(0, 1))", "cannot be cast to bool"),
        ("str(range(1, 3))", "cast to int or float"),
        ("shuffle(interval(0, 1))", "IntervalSweep"),
        ("[interval(0, 1), 2]", "whole values"),
        ("interval(0, 1),interval(2, 3)", "whole values"),
        ("{a: choice(1, 2)}", "whole values"),
        ("choice(1)", "write p=1"),
        ("choice(a)", "write p=a"),
        ("range(1, 2)", "write p=1"),
        ("range(5, 1)", "without a value"),
        ("range(1, 5, 0)", "other than 0"),
        ("int(range(0.5, 3, 0.5))", "other than 0"),
        ("range(0, 1, 1e-9)", "write interval"),
        ("range(0, 1e400, 1)", "finite"),
        ("range(0, 9007199254740993)", "cannot be told apart"),
        ("choice(nan, 1)", "use null or a finite number"),
        ("choice(a, a)", "names a value twice"),
        ("{1: 2},{3: 4}", "plain word"),
        ("glob(*)", "write choice"),
        ("interval(1", "override syntax"),
        ("9" * 5000, "override syntax"),
        ({"range": "interval(0, 1)"}, "a mapping such as"),
        ({"range": "interval(0, 1)", "when": {"a": 1, "b": 2}}, "a mapping such as"),
        ({"range": "interval(0, 1)", "when": {"a": 1}}, "its condition names a"),
    ],
)
def test_bad_sweeps_are_explained(sweep: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message) as caught:
        parse_space({"p": sweep}, [])
    assert "\n" not in str(caught.value)


PARAMS = {
    "d": "range(48, 257, 16)",
    "l": "int(interval(1, 6))",
    "x": "interval(0, 1)",
    "a": "choice(u, v, w)",
    "r": "tag(log, interval(0.1, 1))",
    "o": "choice(0.5, 1, 2)",
}


def test_a_value_fixes_and_other_overrides_stay() -> None:
    space, others = parse_space(PARAMS, ["l=3", "trainer.epochs=2", "a=v"])
    assert space.fixed == {"l": 3, "a": "v"}
    assert space.names == ["d", "x", "r", "o"]
    assert others == ["trainer.epochs=2"]


@pytest.mark.parametrize(
    ("argument", "parameter"),
    [
        ("d=interval(60, 130)", IntegerParameter("d", 64, 128, 16)),
        ("d=interval(16, 64)", IntegerParameter("d", 16, 64, 16)),
        ("d=range(64, 129, 32)", IntegerParameter("d", 64, 128, 32)),
        ("d=choice(64, 128)", OrderedParameter("d", (64, 128))),
        ("x=interval(0.1, 0.2)", FloatParameter("x", 0.1, 0.2)),
        ("x=tag(log, interval(1e-6, 1))", FloatParameter("x", 1e-6, 1.0, log=True)),
        ("x=int(interval(1, 6))", IntegerParameter("x", 1, 6)),
        ("x=tag(log, int(interval(1, 6)))", IntegerParameter("x", 1, 6, log=True)),
        ("x=range(1, 4)", IntegerParameter("x", 1, 3)),
        ("x=range(0, 1, 0.5)", OrderedParameter("x", (0.0, 0.5))),
        ("x=0.5,2", OrderedParameter("x", (0.5, 2))),
        ("++x=interval(0.1, 0.2)", FloatParameter("x", 0.1, 0.2)),
        ("l=tag(log, interval(1, 4))", IntegerParameter("l", 1, 4, log=True)),
        ("l=tag(log, range(1, 4))", IntegerParameter("l", 1, 3, log=True)),
        ("r=interval(0.1, 0.2)", FloatParameter("r", 0.1, 0.2, log=True)),
        ("o=interval(1, 2)", OrderedParameter("o", (1, 2))),
        ("o=range(0, 3)", OrderedParameter("o", (0, 1, 2))),
        ("a=choice(w, u)", CategoricalParameter("a", ("w", "u"))),
    ],
)
def test_a_sweep_re_ranges_and_keeps_type_and_step(argument: str, parameter: Parameter) -> None:
    space = parse_space(PARAMS, [argument])[0]
    assert str({p.name: p for p in space.parameters}[parameter.name]) == str(parameter)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("l=9", r"l=9 is out of range: it must be an integer from 1 to 6"),
        ("d=50", "in steps of 16"),
        ("x=high", "a number from 0 to 1"),
        ("a=z", "one of u, v, w"),
        ("d=choice(64, 65)", "65 is not allowed"),
        ("d=interval(65, 70)", "no value between"),
        ("d=range(48, 100, 8)", "leave its own"),
        ("a=interval(0, 1)", "use choice"),
        ("a=tag(log, choice(u, v))", "log needs"),
        ("a='u,v'", "without quotes"),
        ("a=[u]", "one of u, v, w"),
        ("a=null", "a=null is out of range"),
        ("a=u,1", "1 is not allowed"),
        ("x='interval(0.1, 0.2)'", "without quotes"),
        ("x=[0.1, 0.2]", "a number from 0 to 1"),
        ("x=null,0.1", "null is not allowed"),
        ("x=tag(logg, interval(0.1, 1))", "unknown tag logg"),
        ("x=tag(log, interval(0, 1))", "above 0"),
        ("x=interval(0.5, 0.5)", "write x=0.5"),
        ("l=float(interval(1, 3))", "leave it out"),
        ("l=range(1, 3, 0.5)", "1.5 is not allowed"),
        ("o=int(interval(0, 1))", "use choice"),
        ("o=tag(log, interval(0, 1))", "use choice"),
        ("o=interval(0.6, 1)", "write o=1"),
        ("~x", "fix it with x=VALUE"),
    ],
)
def test_values_out_of_range_are_explained(argument: str, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        parse_space(PARAMS, [argument])


def test_a_sweep_over_something_else_adds_a_parameter() -> None:
    space, others = parse_space(PARAMS, ["seed=choice(1, 2)"])
    assert space.names == [*PARAMS, "seed"]
    assert others == []


@pytest.mark.parametrize(
    "argument",
    [
        *('greeting="hello, world"', "greeting='a, b'", 'greeting="range(1,5)"', "y=a\\,b", "z=", "v=[1,2]"),
        *("~seed", "+new=3", "data@source=left", "~data@source"),
    ],
)
def test_what_is_no_sweep_is_every_jobs_override(argument: str) -> None:
    space, others = parse_space(PARAMS, [argument])
    assert space == parse_space(PARAMS, [])[0]
    assert others == [argument]


@pytest.mark.parametrize("prefix", ["", "+", "++"])
def test_names_have_no_prefix_and_jobs_do(prefix: str) -> None:
    for params, arguments in (({f"{prefix}e": "1,2"}, []), ({}, [f"{prefix}e=1,2"])):
        space, _ = parse_space(params, ["data@source=left,right", "model=small,large", *arguments])
        assert sorted(space.names) == ["data@source", "e", "model"]
        overrides = space.overrides({"data@source": "left", "model": "large", "e": 2})
        assert set(overrides) == {"data@source=left", "model=large", f"{prefix}e=2"}
    fixed, others = parse_space({f"{prefix}e": "1,2", "x": "interval(0, 1)"}, ["e=2"])
    assert fixed.overrides({"x": 0.5}) == [f"{prefix}e=2", "x=0.5"]
    assert others == []


@given(values)
def test_hydra_reads_back_what_is_formatted(value: Any) -> None:
    parsed = OverridesParser.create().parse_override(f"a.b={format_value(value)}")
    assert parsed.key_or_group == "a.b"
    assert not parsed.is_sweep_override()
    assert identity(parsed.value()) == identity(value)


@given(words)
def test_a_text_is_the_same_one_as_an_argument_and_as_a_choice(text: str) -> None:
    override = f"p={format_value(text)}"
    space, others = parse_space({"p": f"choice({override[2:]}, 1)", "x": "interval(0, 1)"}, [override])
    assert (space.fixed, others) == ({"p": text}, [])


def test_conditions_come_from_mappings() -> None:
    params = {
        "momentum": {"range": "interval(0, 1)", "when": {"optimiser": ["sgd", "rmsprop"]}},
        "nesterov": {"range": "true,false", "when": {"momentum_kind": "heavy"}},
        "momentum_kind": {"range": "heavy,light", "when": {"optimiser": "sgd"}},
        "optimiser": "adam,sgd,rmsprop",
    }
    space, _ = parse_space(params, [])
    assert space.conditions["momentum"] == Condition("optimiser", ("sgd", "rmsprop"))
    assert space.conditions["nesterov"] == Condition("momentum_kind", ("heavy",))

    adam, _ = parse_space(params, ["optimiser=adam", "seed=1,2"])
    assert adam.names == ["seed"]
    assert not adam.conditions
    sgd, _ = parse_space(params, ["optimiser=sgd", "momentum_kind=heavy"])
    assert sgd.names == ["momentum", "nesterov"]
    assert not sgd.conditions
    heavy, _ = parse_space(params, ["momentum_kind=heavy"])
    assert heavy.conditions["nesterov"] == Condition("optimiser", ("sgd",))
    assert heavy.overrides({"optimiser": "adam"}) == ["optimiser=adam"]
    assert "momentum_kind=heavy" in heavy.overrides({"optimiser": "sgd"})
    with pytest.raises(SpaceError, match="momentum has no effect with this optimiser"):
        parse_space(params, ["optimiser=adam", "momentum=0.5", "seed=1,2"])
    with pytest.raises(SpaceError, match="no parameter is left"):
        parse_space(params, ["optimiser=adam"])


def test_the_reference_is_completed_from_the_configuration() -> None:
    space = parse_space({"x": "interval(0, 1)", "y": "interval(0, 1)"}, ["y=0.5"])[0]
    assert reference_point({"y": 2, "epochs": 3}, space, {"x": 0.25}) == {"x": 0.25, "y": 2, "epochs": 3}
    for defaults in ({}, {"x": None}):
        with pytest.raises(SpaceError, match="has no x"):
            reference_point({}, space, defaults)


def test_a_reference_has_nulls_lists_groups_and_prefixes() -> None:
    params = {
        "drop": "null,0.1",
        "+extra": "1,2",
        "widths": "[64],[128,32]",
        "model": "small,large",
        "m": {"range": "interval(0, 1)", "when": {"model": "large"}},
        "x": "interval(0, 1)",
    }
    space = parse_space(params, [])[0]
    config = OmegaConf.create(
        {
            "drop": None,
            "widths": [64],
            "model": {"width": 3},
            "hydra": {"runtime": {"choices": {"model": "small"}}},
        }
    )
    defaults = configured_values(config, space)
    assert defaults == {"drop": None, "widths": [64], "model": "small"}
    point = reference_point({"+extra": 2, "+new": [1, None], "x": None}, space, defaults)
    assert point == {
        "drop": None,
        "extra": 2,
        "widths": [64],
        "model": "small",
        "x": None,
        "+new": [1, None],
    }
    assert json.loads(json.dumps(point)) == point
    assert set(space.overrides(point)) == {
        *("drop=null", "+extra=2", "widths=[64]", "model=small", "x=null", "+new=[1,null]"),
    }
    with pytest.raises(SpaceError, match="has no m"):
        reference_point({"model": "large", "x": 1, "extra": 1}, space, defaults)
    with pytest.raises(SpaceError, match="nan cannot be searched"):
        reference_point({"x": float("nan")}, space, defaults)


def test_the_last_override_of_a_name_counts() -> None:
    params = {"a": "interval(0.0, 1.0)", "b": "int(interval(1, 4))"}
    assert parse_space(params, ["b=2", "b=3"])[0].fixed == {"b": 3}
    space, _ = parse_space(params, ["a=0.5", "a=interval(0.0, 0.2)", "b=1"])
    assert list(space.names) == ["a"]
    assert space.fixed == {"b": 1}
    with pytest.raises(SpaceError, match="b"):
        parse_space(params, ["b=2", "b=9"])
    # A value and a sweep over what is no declared parameter: again the last one.
    space, others = parse_space(params, ["seed=choice(1, 2)", "seed=3"])
    assert (space.names, others) == (["a", "b"], ["seed=3"])
    space, others = parse_space(params, ["+seed=3", "t=1", "+seed=choice(1, 2)"])
    assert (space.names, others) == (["a", "b", "seed"], ["t=1"])


def test_what_the_documentation_writes_is_understood() -> None:
    text = (Path(__file__).parents[3] / "docs" / "sweeper.md").read_text()
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    sweeps = [code for row in rows for code in re.findall("`([^`]+)`", row) if "..." not in code]
    assert len(sweeps) > 10
    for sweep in sweeps:
        if not sweep.startswith("glob"):
            parse_space({"p": sweep}, [])
    (example,) = re.findall("```yaml\n(.*?)```", text, re.DOTALL)
    space, _ = parse_space(OmegaConf.to_container(OmegaConf.create(example).hydra.sweeper.params), [])
    assert list(space.conditions) == ["optimiser.momentum"]
