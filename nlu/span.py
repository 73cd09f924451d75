"""Frame <-> span form: the words of a leaf slot become two index tokens (Shrivastava et al. 2021).

    [IN:SEND_MESSAGE [SL:CONTENT_EXACT 1 6 ] ]

The indices are the slot's first and last word in the utterance, 0-based, inclusive.
"""

from collections.abc import Iterator, Sequence

from nlu.errors import FrameError
from nlu.frame import CLOSE, INTENT, SLOT, Frame, check_nesting, is_opening

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
            or the brackets are not a frame (see `nlu.frame.parse_frame`).
    """
    stack: list[tuple[str, list[Frame | str]]] = []
    position = 0
    while position < len(tokens):
        token = tokens[position]
        if isinstance(token, int):
            _fill_slot(stack, tokens[position : position + 3], words)
            position += 2
            continue
        if is_opening(token):
            check_nesting(token[1:], stack[-1][0] if stack else None, position + 1)
            stack.append((token[1:], []))
        elif token != CLOSE or not stack:
            raise FrameError(f"token {position + 1} ({token!r}) stands before the first intent")
        else:
            label, children = stack.pop()
            frame = Frame(label, tuple(children))
            if not stack:
                if position + 1 < len(tokens):
                    raise FrameError(f"token {position + 2} stands after the end of the frame")
                return frame
            stack[-1][1].append(frame)
        position += 1
    raise FrameError(f"{len(stack)} bracket(s) never close" if stack else "the frame is empty")


def _fill_slot(
    stack: list[tuple[str, list[Frame | str]]], span: Sequence[SpanToken], words: Sequence[str]
) -> None:
    """Put the words of a span, two indices and what follows, into the slot that has just been opened."""
    label, children = stack[-1] if stack else ("", [])
    if not label.startswith(SLOT) or children:
        raise FrameError(f"index {span[0]} does not follow a slot's opening bracket")
    first, last = span[0], span[1] if len(span) > 1 else None
    if not isinstance(first, int) or not isinstance(last, int):
        raise FrameError(f"index {first} has no partner")
    if not 0 <= first <= last < len(words):
        raise FrameError(f"{first} to {last} is no span of {len(words)} words")
    if span[2:] != [CLOSE]:
        raise FrameError("a span must be alone in its slot")
    children.extend(words[first : last + 1])


def target_of(tokens: Sequence[str]) -> list[SpanToken]:
    """Read a span form whose indices are written in decimal, as data sets keep it."""
    return [int(token) if token.isdecimal() else token for token in tokens]
