"""Parse text with a trained parser.

python -m nlu.predict parser=DIR_OR_FILE text="message I'll be there at 6pm"      # prints the frame
python -m nlu.predict parser=DIR_OR_FILE text=- < lines                          # prints a JSON object a line
"""

import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from omegaconf import DictConfig

from nlu.errors import UtteranceError
from nlu.parser import Parser, load_parser
from paretoparse.cli import hydra_main


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
        frame = None if prediction.frame is None else str(prediction.frame)
        yield {"text": text, "frame": frame, "words": prediction.words, "span": prediction.span}


@hydra_main("predict", __doc__, verbatim=("text",))
def main(config: DictConfig) -> None:
    """Parse from the command line."""
    parser = load_parser(str(config.parser))
    if config.text == "-":
        failed = 0
        for answer in parse_lines(parser, sys.stdin, config.max_words):
            print(json.dumps(answer, ensure_ascii=False), flush=True)
            failed += "error" in answer
        if failed:
            raise UtteranceError(f"{failed} lines could not be parsed; each says why in its place.")
        return
    prediction = parser.parse(str(config.text), config.max_words)
    if prediction.frame is None:
        span = " ".join(map(str, prediction.span))
        raise UtteranceError(f"the parser's answer is not a well-formed frame: {span}")
    print(prediction.frame)


if __name__ == "__main__":
    main()
