"""A semantic frame: a tree of intents and slots over the words of an utterance.

Text form, as in TOP (Gupta et al. 2018) and TOPv2 (Chen et al. 2020), tokens parted by white space:

    [IN:SEND_MESSAGE message [SL:CONTENT_EXACT I 'll be there at 6 pm ] ]
"""

from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter

from nlu.errors import FrameError

CLOSE = "]"
INTENT, SLOT = "IN:", "SL:"


@dataclass(frozen=True, slots=True)
class Frame:
    """One node of the tree: a label and its children in order, words (`str`) or frames.

    Attributes:
        label: `IN:…` or `SL:…`, without the bracket.
        children: words and frames from left to right.
    """

    label: str
    children: tuple["Frame | str", ...] = ()

    def __str__(self) -> str:
        return " ".join(self.tokens())

    def tokens(self) -> Iterator[str]:
        """Yield the tokens of the text form: `[label`, words, `]`."""
        yield f"[{self.label}"
        for child in self.children:
            if isinstance(child, str):
                yield child
            else:
                yield from child.tokens()
        yield CLOSE

    def words(self) -> list[str]:
        """Return the leaves from left to right: in a full frame, the utterance."""
        return [token for token in self.tokens() if token != CLOSE and not is_opening(token)]

    def tree(self, indent: str = "") -> str:
        """Draw the tree, one line a node: its label, then its words where it has any."""
        words = " ".join(child for child in self.children if isinstance(child, str))
        lines = [f"{self.label}  {words}" if words else self.label]
        inner = self.frames()
        for number, frame in enumerate(inner, start=1):
            branch, trunk = ("└── ", "    ") if number == len(inner) else ("├── ", "│   ")
            lines.append(f"{indent}{branch}{frame.tree(indent + trunk)}")
        return "\n".join(lines)

    def frames(self) -> tuple["Frame", ...]:
        """Return the children that are frames."""
        return tuple(child for child in self.children if isinstance(child, Frame))


def is_opening(token: str) -> bool:
    """Tell whether a token opens a frame: `[IN:…` or `[SL:…`."""
    return token.startswith((f"[{INTENT}", f"[{SLOT}"))


def parse_frame(text: str) -> Frame:
    """Read a frame from its text form.

    Raises:
        FrameError: the text is empty or unbalanced, holds anything outside of one root intent, or
            nests an intent right under an intent or a slot right under a slot.
    """
    stack: list[tuple[str, list[Frame | str]]] = []
    root: Frame | None = None
    for position, token in enumerate(text.split(), start=1):
        if root is not None:
            raise FrameError(f"token {position} ({token!r}) stands after the end of the frame")
        if is_opening(token):
            label = token[1:]
            check_nesting(label, stack[-1][0] if stack else None, position)
            stack.append((label, []))
        elif not stack:
            raise FrameError(f"token {position} ({token!r}) stands before the first intent")
        elif token == CLOSE:
            label, children = stack.pop()
            frame = Frame(label, tuple(children))
            if stack:
                stack[-1][1].append(frame)
            else:
                root = frame
        else:
            stack[-1][1].append(token)
    if stack:
        raise FrameError(f"{len(stack)} bracket(s) never close, the last is [{stack[-1][0]}")
    if root is None:
        raise FrameError("the frame is empty")
    return root


def check_nesting(label: str, parent: str | None, position: int) -> None:
    """Refuse a label that cannot stand under its parent, which is None for the root.

    Raises:
        FrameError: with the position of the token, which counts from 1.
    """
    if label in (INTENT, SLOT):
        raise FrameError(f"token {position} opens a frame without a name")
    if parent is None:
        if not label.startswith(INTENT):
            raise FrameError(f"the root must be an intent, but is [{label}")
    elif parent[:3] == label[:3]:
        raise FrameError(f"token {position} nests [{label} right under [{parent}")


def decouple(frame: Frame) -> Frame:
    """Drop the words that carry no slot value: those right under an intent, or beside a slot's child.

    The decoupled form of Aghajanyan et al. (2020) and Shrivastava et al. (2021).
    """
    inner = frame.frames()
    if inner or frame.label.startswith(INTENT):
        return Frame(frame.label, tuple(decouple(child) for child in inner))
    return frame


def canonical(frame: Frame) -> Frame:
    """Return the decoupled form with siblings sorted by label, equal labels in their order of utterance.

    Two frames mean the same when their canonical forms are equal (Chen et al. 2020).
    """

    def ordered(node: Frame) -> Frame:
        inner = node.frames()
        if not inner:
            return node
        return Frame(node.label, tuple(sorted(map(ordered, inner), key=attrgetter("label"))))

    return ordered(decouple(frame))
