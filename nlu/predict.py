"""Parse text with a trained parser: the one that ships, where no other is named.

python -m nlu.predict text="message mum I'll be there at 6pm"       # draws the frame
python -m nlu.predict parser=DIR_OR_FILE text=… count=3 json=true   # the three most likely frames, as JSON
python -m nlu.predict text=- < lines                                # answers each line with a JSON object
"""

import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from omegaconf import DictConfig

from nlu.errors import ConfigError, UtteranceError
from nlu.parser import SHIPPED, Parser, Prediction
from paretoparse.checks import COUNT, check_switches
from paretoparse.cli import hydra_main

_BYTE_ORDER_MARK = "\ufeff"


def parse_lines(
    parser: Parser, lines: Iterable[bytes], count: int, max_words: int
) -> Iterator[dict[str, Any]]:
    """Parse each line; a line that cannot be parsed gives an `error` and the others go on.

    Args:
        parser: what parses.
        lines: of UTF-8 text.
        count: most frames for each line.
        max_words: longest utterance to accept.

    Yields:
        `text`, and either what `answer` returns or `error`.
    """
    for number, line in enumerate(lines):
        raw = line.rstrip(b"\r\n")
        try:
            text = raw.decode("utf-8")
            if number == 0:
                text = text.removeprefix(_BYTE_ORDER_MARK)
            yield {"text": text, **answer(parser.candidates(text, count, max_words))}
        except UnicodeDecodeError as error:
            shown = raw.decode("utf-8", errors="backslashreplace")
            yield {"text": shown, "error": f"byte {error.start + 1} of the line is not UTF-8; convert it."}
        except UtteranceError as error:
            yield {"text": text, "error": str(error)}


def answer(candidates: list[Prediction]) -> dict[str, Any]:
    """Return the first candidate's `frame`, `probability`, `words` and `span`; `others` if there are any."""
    frames = [
        {"frame": str(one.frame), "probability": round(one.probability, 6), "span": one.span}
        for one in candidates
    ]
    others = {"others": frames[1:]} if len(frames) > 1 else {}
    return {"words": candidates[0].words, **frames[0], **others}


@hydra_main("predict", __doc__, verbatim=("text", "parser"))
def main(config: DictConfig) -> None:
    """Parse from the command line."""
    for name in ("count", "max_words"):
        COUNT.check(name, config[name], ConfigError)
    check_switches({"json": config.json}, ConfigError)
    parser = Parser.load(SHIPPED if config.parser is None else config.parser)
    if config.text == "-":
        failed = 0
        for line in parse_lines(parser, sys.stdin.buffer, config.count, config.max_words):
            print(json.dumps(line, ensure_ascii=False), flush=True)
            failed += "error" in line
        if failed:
            raise UtteranceError(f"{failed} lines could not be parsed; each says why in its place.")
        return
    candidates = parser.candidates(config.text, config.count, config.max_words)
    if config.json:
        print(json.dumps({"text": config.text, **answer(candidates)}, ensure_ascii=False))
        return
    for one in candidates:
        print(f"{100 * one.probability:.1f} %  {one.frame}")
        print(one.frame.tree())


if __name__ == "__main__":
    main()
