"""The parser that comes with the project."""

from nlu import Parser
from nlu.parser import SHIPPED
from tests.nlu.test_predict import run


def test_it_is_small_enough() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) <= 10_000_000
    parser = Parser.load(SHIPPED)
    assert sum(parameter.numel() for parameter in parser.model.parameters()) <= 5_000_000
    assert (SHIPPED / "README.md").is_file()


def test_it_parses_real_language() -> None:
    parser = Parser.load(SHIPPED)
    for text, frame in {
        "will it rain in paris tomorrow": (
            "[IN:GET_WEATHER [SL:WEATHER_ATTRIBUTE rain ] [SL:LOCATION paris ] [SL:DATE_TIME tomorrow ] ]"
        ),
        "set a timer for 10 minutes": (
            "[IN:CREATE_TIMER [SL:METHOD_TIMER timer ] [SL:DATE_TIME for 10 minutes ] ]"
        ),
    }.items():
        assert str(parser.parse(text).frame) == frame


def test_it_answers_when_no_parser_is_named() -> None:
    done = run("nlu.predict", "text=set an alarm for 7am")
    assert done.returncode == 0, done.stderr
    assert "[IN:CREATE_ALARM" in done.stdout
