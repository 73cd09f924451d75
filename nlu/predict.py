"""Parse text with a trained parser.

python -m nlu.predict parser=DIR_OR_FILE text="message I'll be there at 6pm"      # prints the frame
python -m nlu.predict parser=DIR_OR_FILE text=- < lines                          # prints a JSON object a line
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import hydra
from omegaconf import DictConfig

from nlu.cli import report_errors
from nlu.errors import UtteranceError
from nlu.parser import Parser, load_parser

_TEXT = "text="
# A backslash hides these from Hydra (quotes) and OmegaConf (interpolations) and is special nowhere else.
_SPECIAL = re.compile(r'(\\*)("|\$\{|\Z)')


def parse_lines(parser: Parser, lines: Iterable[str], max_words: int) -> Iterator[dict[str, Any]]:
    """Parse each line; a line that cannot be parsed gives an `error` and the others go on.

    Yields:
        `text`, and either `frame` (null when the parser's answer is not one), `words` and `span`, or `error`.
    """
    for line in lines:
        text = line.rstrip("\r\n")
        try:
            prediction = parser.parse(text, max_words)
        except UtteranceError as error:
            yield {"text": text, "error": str(error)}
            continue
        yield {
            "text": text,
            "frame": str(prediction.frame),
            "words": prediction.words,
            "span": prediction.span,
        }


def quote_text(arguments: list[str]) -> list[str]:
    """Quote `text=…` for Hydra, whose own grammar would stumble over an apostrophe or a comma."""

    def escape(match: re.Match[str]) -> str:
        slashes, special = match.groups()
        return 2 * slashes + ("\\" + special if special else "")

    def quote(argument: str) -> str:
        return f'{_TEXT}"{_SPECIAL.sub(escape, argument.removeprefix(_TEXT))}"'

    return [quote(argument) if argument.startswith(_TEXT) else argument for argument in arguments]


@hydra.main(version_base="1.3", config_path="../conf", config_name="predict")
@report_errors
def run(config: DictConfig) -> None:
    """Parse what the configuration names."""
    parser = load_parser(config.parser)
    if config.text == "-":
        failed = 0
        for answer in parse_lines(parser, sys.stdin, config.max_words):
            print(json.dumps(answer, ensure_ascii=False), flush=True)
            failed += "error" in answer
        if failed:
            raise UtteranceError(f"{failed} lines could not be parsed; each says why in its place.")
        return
    prediction = parser.parse(str(config.text), config.max_words)
    print(prediction.frame)


def main() -> None:
    """Parse from the command line."""
    sys.argv[1:] = quote_text(sys.argv[1:])
    run()


if __name__ == "__main__":
    main()
