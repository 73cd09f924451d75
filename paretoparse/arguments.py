"""What is typed, before Hydra's grammar reads it.

Hydra would take a folder named `3` or `1e5` for a number and stumble over a parenthesis in a path. Values of
the keys in `TEXT` are text, so they are quoted where Hydra would see something else in them.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from paretoparse.errors import UsageError, message_of

T = TypeVar("T", bound="DataclassInstance")

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

TEXT = frozenset(
    {
        "parser",
        "text",
        "artifact",
        "control",
        "study",
        "out",
        "name",
        "root",
        "resume",
        "start",
        "storage",
        "outputs",
        "cache",
    }
    | {"dir", "bundle", "binary", "serial", "address", "program"}
)
"""Last parts of the keys whose values are paths, addresses and the like: text, whatever they look like."""

_ARGUMENT = re.compile(r"(?P<key>[+~]*[\w.@/]+)=(?P<value>.*)", re.DOTALL)
# A word that no bracket or quote touches, alone or in a list.
_WORD = re.compile(r"(?<![^\[,\s])[^\s\[\](){},'\"=:]+(?![^\],\s])")
# A backslash hides these from Hydra (quotes) and OmegaConf (interpolations) and is special nowhere else.
_SPECIAL = re.compile(r'(\\*)("|\$\{|\Z)')


def quote_text(arguments: Sequence[str], verbatim: Collection[str] = ()) -> list[str]:
    """Quote values that are text for Hydra.

    Args:
        arguments: As typed.
        verbatim: Keys whose whole value is taken as it stands, so that it cannot be a list or a sweep either.

    Raises:
        UsageError: An argument is not UTF-8.
    """
    return [_quote_argument(argument, verbatim) for argument in arguments]


def _quote_argument(argument: str, verbatim: Collection[str]) -> str:
    try:
        argument.encode()
    except UnicodeEncodeError:
        shown = argument.encode(errors="surrogateescape")
        raise UsageError(f"the argument {shown!r} is not UTF-8; write it in UTF-8.") from None
    found = _ARGUMENT.fullmatch(argument)
    if found is None:
        return argument
    key, value = found["key"], found["value"]
    if key in verbatim:
        return f"{key}={quote(value)}"
    if not value or key.rpartition(".")[2] not in TEXT:
        return argument
    if _exists(value) or not _parses(f"{key}={value}"):
        return f"{key}={quote(value)}"
    return f"{key}={_WORD.sub(lambda word: quote(word[0]) if _is_number(word[0]) else word[0], value)}"


def quote(text: str) -> str:
    """A text in quotes, of which neither Hydra nor OmegaConf interprets any part."""

    def escape(match: re.Match[str]) -> str:
        slashes, special = match.groups()
        return 2 * slashes + ("\\" + special if special else "")

    return f'"{_SPECIAL.sub(escape, text)}"'


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def _parses(argument: str) -> bool:
    try:
        OverridesParser.create().parse_override(argument)
    except HydraException:
        return False
    return True


def _is_number(word: str) -> bool:
    try:
        value = OverridesParser.create().parse_override(f"key={word}").value()
    except HydraException:
        return False
    return isinstance(value, int | float)


def read_pairs(arguments: Sequence[str], allowed: Collection[str]) -> dict[str, str]:
    """Read `key=value` arguments of a command without a configuration; every value is text.

    Raises:
        UsageError: An argument has another form or an unknown key.
    """
    pairs: dict[str, str] = {}
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not equals or key not in allowed:
            names = ", ".join(f"{name}=" for name in allowed)
            raise UsageError(f"'{argument}' is no argument of this command; it takes {names}.")
        pairs[key] = value
    return pairs


def read_options(arguments: Sequence[str], options: T) -> T:
    """Read `key=value` arguments of a command whose options are a dataclass.

    Args:
        arguments: As typed; values are YAML.
        options: The defaults.

    Returns:
        The options with what was given.

    Raises:
        UsageError: An argument has another form or an unknown key, or a value is not of its field's type.
    """
    read_pairs(arguments, [field.name for field in fields(options)])
    try:
        merged = OmegaConf.merge(OmegaConf.structured(options), OmegaConf.from_dotlist([*arguments]))
    except (OmegaConfBaseException, YAMLError) as error:
        raise UsageError(message_of(error)) from None
    return cast(T, OmegaConf.to_object(merged))


def read_list(text: str) -> list[str]:
    """The parts of `[A,B]`; any other text is its own only part."""
    if text.startswith("[") and text.endswith("]") and not _exists(text):
        return [part.strip() for part in text[1:-1].split(",") if part.strip()]
    return [text]
