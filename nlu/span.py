"""Frame <-> span form: the words of a leaf slot become two index tokens (Shrivastava et al. 2021).

    [IN:SEND_MESSAGE [SL:CONTENT_EXACT 1 6 ] ]

The indices are the slot's first and last word in the utterance, 0-based, inclusive.
"""

from collections.abc import Iterator, Sequence

from nlu.errors import FrameError
from nlu.frame import CLOSE, INTENT, Frame, is_opening, parse_frame

SpanToken = str | int


def to_span(frame: Frame) -> list[SpanToken]:
    """Return the span form of a full frame, one in which leaf k is word k of the utterance."""
    return list(_spans(frame, first=0))


def _spans(frame: Frame, first: int) -> Iterator[SpanToken]:
    yield f"[{frame.label}"
    inner = frame.frames()
    if inner or frame.label.startswith(INTENT):
        position = first
        for child in frame.children:
            if isinstance(child, Frame):
                yield from _spans(child, position)
                position += len(child.words())
            else:
                position += 1
    elif frame.children:
        yield first
        yield first + len(frame.children) - 1
    yield CLOSE


def from_span(tokens: Sequence[SpanToken], words: Sequence[str]) -> Frame:
    """Rebuild the decoupled frame from a span form and the utterance's words.

    `from_span(to_span(frame), frame.words()) == decouple(frame)` for every full frame.

    Raises:
        FrameError: indices do not come in pairs right inside a slot, or do not name words in order;
            or the brackets are not a frame (see `parse_frame`).
    """
    text: list[str] = []
    position = 0
    while position < len(tokens):
        token = tokens[position]
        if isinstance(token, str):
            text.append(token)
            position += 1
            continue
        pair = tokens[position : position + 2]
        opening = text[-1] if text else ""
        if not is_opening(opening) or opening.startswith(f"[{INTENT}"):
            raise FrameError(f"index {token} does not follow a slot's opening bracket")
        if len(pair) < 2 or not isinstance(pair[1], int):
            raise FrameError(f"index {token} has no partner")
        if not 0 <= token <= pair[1] < len(words):
            raise FrameError(f"{token} to {pair[1]} is no span of {len(words)} words")
        text.extend(words[token : pair[1] + 1])
        position += 2
        if position >= len(tokens) or tokens[position] != CLOSE:
            raise FrameError("a span must be alone in its slot")
    return parse_frame(" ".join(text))
