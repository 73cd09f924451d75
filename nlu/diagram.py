"""A span pointer as a picture: its blocks, and where its pointer looks in a parse. Slow to import."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from paretoparse.blocks import Part, Stack, draw_stacks, height_of, kinds_legend, parts_of
from paretoparse.figures import BLUE, DARK, GREY, add_legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nlu.explain import Explanation
    from nlu.parser import Parser

# Less than this is not worth a line.
_SHOWN = 0.02
# Inches: a row of words or tokens at least and at most, the heads, a letter, the room of the lines, a step of
# the frame's depth.
_ROW, _WIDEST_ROW, _HEAD, _LETTER, _LINES, _INDENT = 0.23, 0.4, 0.5, 0.075, 2.0, 0.16
# Inches: the stack's width and a unit of its height.
_STACK, _UNIT = 3.0, 0.2
# Points: a line of probability 1.
_WIDTH = 3.0


def draw_model(parser: "Parser", found: "Explanation") -> Figure:
    """A parser's blocks, and beside them the pointer attention of one parse.

    Args:
        parser: A span pointer.
        found: What `nlu.explain.explain` says of an utterance.
    """
    depths = _depths(found.tokens)
    words = _LETTER * max(map(len, found.words)) + 0.1
    tokens = max(_LETTER * len(t) + _INDENT * d for t, d in zip(found.tokens, depths, strict=True)) + 0.1
    parts = [_say_length(part, found) for part in parts_of(_shape(parser))]
    stack = Stack(f"{parser.model.parameter_count() / 1e6:.2f} M parameters", tuple(parts))
    across = words + _LINES + tokens
    height = max(_UNIT * height_of([stack]), _ROW * (max(len(found.tokens), len(found.words)) + 1) + _HEAD)
    figure = Figure(figsize=(_STACK + across + 0.3, height + 0.4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[_STACK, across])
    draw_stacks(left, [stack])
    add_legend(figure, kinds_legend(), 3)
    right.set_xlim(-words, _LINES + tokens)
    right.set_ylim(height, 0.0)
    right.set_axis_off()
    _draw_pointers(right, found, depths, height)
    return figure


def _say_length(part: Part, found: "Explanation") -> Part:
    """The length module says how long it takes the frame to be."""
    if part.name != "length module":
        return part
    length = len(found.tokens)
    probability = found.length_probabilities[found.lengths.index(length)]
    return replace(part, notes=(f"here {length} tokens, probability {probability:.2f}", *part.notes))


def _shape(parser: "Parser") -> dict[str, int]:
    """The parameters of a parser's shape, by their full names."""
    found = {"tokenizer.vocab_size": parser.sizes.vocab_size}
    for name, value in parser.config.as_dict().items():
        inner = value.items() if isinstance(value, dict) else [("", value)]
        found |= {f"model.{name}.{key}".rstrip("."): one for key, one in inner if isinstance(one, int)}
    return found


def _depths(tokens: Sequence[str]) -> list[int]:
    """How deep in the frame each token stands; a closing bracket as deep as its opening one."""
    depths, depth = [], 0
    for token in tokens:
        depth -= token == "]"
        depths.append(depth)
        depth += token.startswith(("[IN:", "[SL:"))
    return depths


def _draw_pointers(axes: "Axes", found: "Explanation", depths: Sequence[int], height: float) -> None:
    """The utterance's words and the frame's tokens, lines between them as wide as they are probable."""

    def write(x: float, y: float, text: str, ha: str, **how: Any) -> None:
        look: dict[str, Any] = {"fontsize": 9, "color": DARK, **how}
        axes.text(x, y, text, ha=ha, va="center", **look)

    rows, words = len(found.tokens), len(found.words)
    end = min(height - _ROW, _HEAD + _WIDEST_ROW * max(rows, words))
    places, targets = (np.linspace(_HEAD, end, 2 * count + 1)[1::2] for count in (words, rows))
    write(-0.1, _HEAD / 2, "utterance", "right", weight="bold")
    write(_LINES / 2, _HEAD / 2, "pointer attention\nto first and last words", "center", fontsize=8)
    write(_LINES + 0.1, _HEAD / 2, "frame", "left", weight="bold")
    for y, word in zip(places, found.words, strict=True):
        write(-0.1, y, word, "right")
    for row, (y, token, depth) in enumerate(zip(targets, found.tokens, depths, strict=True)):
        x = _LINES + _INDENT * depth
        weights = found.word_probabilities[row]
        points = weights.max() > found.label_probabilities[row].max()
        write(x + 0.1, y, token, "left", color=BLUE if points else DARK)
        for place, weight in zip(places, weights, strict=True):
            if weight > _SHOWN:
                color = BLUE if points and weight == weights.max() else GREY
                axes.plot([0.0, x], [place, y], color=color, linewidth=_WIDTH * weight, zorder=1)
