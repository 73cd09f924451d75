"""The embedded data: utterances and frames drawn from a seeded grammar, no download needed.

The rules are in `grammar.txt` beside this file, which explains their notation.
"""

import random
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from pathlib import Path

import datasets

from nlu.data.rows import Annotated, cached_dataset
from nlu.errors import ConfigError
from nlu.frame import parse_frame
from paretoparse.checks import COUNT, Range

SPLITS = ("train", "eval", "test")

_HEADER = re.compile(r"([a-z_]+):")
_WEIGHT = re.compile(r"(\d+)x ")
# The innermost choice {a|b}, then a rule's name.
_CHOICE = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"\$([a-z_]+)")
_START = "utterance"

# An alternative and how often it is drawn, relative to the others of its rule.
Rules = Mapping[str, tuple[tuple[str, ...], tuple[int, ...]]]


def load_grammar(cache: str | Path, sizes: Mapping[str, int], seed: int) -> datasets.DatasetDict:
    """Draw the embedded data set.

    Args:
        cache: folder for the Arrow files.
        sizes: number of rows of each of `SPLITS`; each split is a stream of its own.
        seed: of the draw; equal seeds give equal rows.

    Returns:
        The splits with the columns of `nlu.data.rows`.

    Raises:
        ConfigError: a split is unknown or has no rows.
    """
    if not isinstance(sizes, Mapping):
        raise ConfigError(f"data.load.sizes={sizes}: name the number of rows of each of {', '.join(SPLITS)}.")
    for split, size in sizes.items():
        if split not in SPLITS:
            raise ConfigError(f"data.load.sizes.{split}={size}: the splits are {', '.join(SPLITS)}.")
        COUNT.check(f"data.load.sizes.{split}", size, ConfigError)
    Range(whole=True).check("data.load.seed", seed, ConfigError)
    return datasets.DatasetDict(
        {
            split: cached_dataset(draw, [(_grammar_path(), split, size, seed)], cache)
            for split, size in sizes.items()
        }
    )


def draw(path: Path, split: str, size: int, seed: int) -> Iterator[Annotated]:
    """Draw `size` utterances of one split from the grammar in a file."""
    rules = read_rules(path)
    # A seed that is a string is hashed in a way that does not depend on the process.
    source = random.Random(f"{split} {seed}")
    for number in range(size):
        domain, parse = _sentence(rules, source)
        words = parse_frame(parse).words()
        yield Annotated(f"{path.name}, {split} row {number}", domain, untokenise(words), parse)


def _grammar_path() -> Path:
    return Path(str(resources.files("nlu.data") / "grammar.txt"))


@cache
def read_rules(path: Path) -> Rules:
    """Read a grammar file into alternatives and weights by rule."""
    alternatives: dict[str, list[str]] = {}
    name = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if header := _HEADER.match(line):
            name = header[1]
            alternatives[name] = []
            line = line[header.end() :]
        alternatives[name] += [text.strip() for text in line.split(" / ") if text.strip()]
    return {name: _weigh(texts) for name, texts in alternatives.items()}


def _weigh(texts: list[str]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    matches = [_WEIGHT.match(text) for text in texts]
    bare = [text[match.end() :] if match else text for match, text in zip(matches, texts, strict=True)]
    weights = [int(match[1]) if match else 1 for match in matches]
    return tuple("" if text == "_" else text for text in bare), tuple(weights)


def _pick(rules: Rules, name: str, source: random.Random) -> str:
    texts, weights = rules[name]
    return source.choices(texts, weights)[0]


def _expand(rules: Rules, text: str, source: random.Random) -> str:
    """Resolve choices from the inside out, then names, until only words and brackets are left."""
    while match := _CHOICE.search(text) or _NAME.search(text):
        if match[0].startswith("{"):
            piece = source.choice(match[1].split("|"))
        else:
            piece = _pick(rules, match[1], source)
        text = text[: match.start()] + piece + text[match.end() :]
    return text.replace("+", "")


def _sentence(rules: Rules, source: random.Random) -> tuple[str, str]:
    """Draw a domain and a frame; politeness before and after it moves into its root intent."""
    opening, domain, closing = _pick(rules, _START, source).split()
    frame = _expand(rules, domain, source)
    intent, rest = frame.split(maxsplit=1)
    tokens = [
        intent,
        *_expand(rules, opening, source).split(),
        *rest.split()[:-1],
        *_expand(rules, closing, source).split(),
        "]",
    ]
    return domain[1:], " ".join(tokens)


def untokenise(words: list[str]) -> str:
    """Write words as a person would; `nlu.words.split_words` splits them again in the same way."""
    text = " ".join(words)
    text = re.sub(r" (['’]s\b|[.,?])", r"\1", text)
    text = re.sub(r" : (\d)", r":\1", text)
    return re.sub(r"(?<=\d) (am|pm)\b", r"\1", text)
