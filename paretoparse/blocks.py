"""The span pointer's architecture as a stack of blocks, several side by side on one scale. Slow to import."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from paretoparse.figures import DARK, GRID_COLOR, GRID_WIDTH

# Kinds of blocks to their fills, from pale to dark so that grey tells most of them apart, and their heights.
_KINDS = {
    "embedding": ("#d9d9d9", 0.8),
    "convolution, self-attention": ("#7fb8da", 0.8),
    "cross-attention": ("#fdd0a2", 0.45),
    "feed-forward": ("#eff3ff", 0.45),
    "length": ("#f2d98b", 0.8),
    "pointer": ("#a6a0cc", 0.8),
}
# Kinds that no row names.
_INNER = ("convolution, self-attention", "cross-attention", "feed-forward")
# In units of the axes: a line of text, the room between layers, parts and columns.
_LINE, _LAYER, _PART, _COLUMN = 0.62, 0.14, 0.45, 0.2
# A line of results, the title's, and the room on the left for what rows are called.
_RESULT, _TITLE, _MARGIN = 0.85, 0.9, 0.55


@dataclass(frozen=True)
class Part:
    """One part of an architecture, such as its encoder.

    Attributes:
        name: What its row is called.
        layers: Its layers from the bottom to the top, each of blocks from the bottom to the top: pairs of a
            kind and a width. Kinds are `embedding`, `convolution, self-attention`, `cross-attention`,
            `feed-forward`, `length` and `pointer`.
        notes: Lines of text above it.
    """

    name: str
    layers: tuple[tuple[tuple[str, float], ...], ...]
    notes: tuple[str, ...]

    @property
    def height(self) -> float:
        """Of its blocks, in units of the axes."""
        blocks = sum(_KINDS[kind][1] for layer in self.layers for kind, _ in layer)
        return blocks + _LAYER * (len(self.layers) - 1)


@dataclass(frozen=True)
class Stack:
    """An architecture.

    Attributes:
        title: Stands above it.
        parts: From the input to the output; all stacks of a figure have the same ones.
        results: Lines of text below it, as many as the others' of a figure.
    """

    title: str
    parts: tuple[Part, ...]
    results: tuple[str, ...] = ()


def parts_of(shape: Mapping[str, int]) -> tuple[Part, ...]:
    """The parts of a span pointer.

    Args:
        shape: The parameters of the shape, by their names in conf/space/nar_top.yaml, and perhaps
            `model.rescorer.num_layers`.
    """
    width = shape["model.embed_dim"]

    def layers(side: str, *kinds: str) -> tuple[tuple[tuple[str, float], ...], ...]:
        layer = (*((kind, width) for kind in kinds), ("feed-forward", shape[f"model.{side}.ffn_dim"]))
        return (layer,) * shape[f"model.{side}.num_layers"]

    mixing = "convolution, self-attention"
    # From the top to the bottom, as the blocks of a layer are.
    encoder = (
        f"feed-forward {shape['model.encoder.ffn_dim']}",
        f"{_kernels(shape, 'encoder')}, {_heads(shape['model.encoder.conv_heads'])}",
        _attention(shape, "encoder"),
    )
    decoder = (
        f"feed-forward {shape['model.decoder.ffn_dim']}",
        f"cross-attention {_heads(shape['model.decoder.cross_attention_heads'])}",
        _kernels(shape, "decoder"),
        _attention(shape, "decoder"),
    )
    length, beam = shape["model.length.conv_dim"], shape["model.length.beam"]
    pieces = f"{shape['tokenizer.vocab_size']} pieces, {width} wide"
    pointer = _heads(shape["model.pointer.heads"])
    rescorer: tuple[Part, ...] = ()
    if judging := shape.get("model.rescorer.num_layers", 0):
        causal = layers("decoder", mixing, "cross-attention")[:1] * judging
        heads = _heads(max(shape["model.decoder.attention_heads"], 1))
        notes = (decoder[0], decoder[1], f"causal self-attention {heads}")
        rescorer = (Part("rescorer", (*causal, (("pointer", width),)), (f"pointer {pointer}", *notes)),)
    return (
        Part("embedding", ((("embedding", width),),), (pieces,)),
        Part("encoder", layers("encoder", mixing), encoder),
        Part("length module", ((("length", length),),), (f"{length} wide, beam {beam}",)),
        Part("decoder", layers("decoder", mixing, "cross-attention"), decoder),
        Part("pointer", ((("pointer", width),),), (pointer,)),
        *rescorer,
    )


def draw_stacks(axes: Axes, stacks: Sequence[Stack], results: Sequence[str] = ()) -> None:
    """Draws stacks beside each other, the input at the bottom, widths on one scale, alike parts in one row.

    Args:
        axes: Where; they lose their frame. A column is 1 wide, and a line of text 0.62 high.
        stacks: At least one.
        results: What their results are called.
    """
    layers = [layer for stack in stacks for part in stack.parts for layer in part.layers]
    scale = (1.0 - _COLUMN) / max(width for layer in layers for _, width in layer)
    bottom = 0.0
    for row, parts in enumerate(zip(*(stack.parts for stack in stacks), strict=True)):
        middle = bottom + max(part.height for part in parts) / 2
        _write(axes, -_MARGIN, middle, parts[0].name, ha="right", va="center")
        for column, part in enumerate(parts):
            _draw_part(axes, part, float(column), bottom, scale)
        if row or results:
            axes.axhline(bottom - 0.7 * _PART, color=GRID_COLOR, linewidth=GRID_WIDTH, zorder=0)
        bottom += _row_height(parts)
    for line, name in enumerate(results):
        _write(axes, -_MARGIN, -_RESULT * (line + 1), name, ha="right", va="center")
    for column, stack in enumerate(stacks):
        _write(axes, column, bottom, stack.title, size=9, weight="bold", ha="center", va="bottom")
        for line, text in enumerate(stack.results):
            _write(axes, column, -_RESULT * (line + 1), text, ha="center", va="center")
    axes.set_xlim(-_MARGIN, len(stacks) - 0.5)
    axes.set_ylim(-_RESULT * (len(results) + 0.6), bottom + _TITLE)
    axes.set_axis_off()


def height_of(stacks: Sequence[Stack]) -> float:
    """How high `draw_stacks` draws them, in units of its axes."""
    rows = zip(*(stack.parts for stack in stacks), strict=True)
    around = _TITLE + _RESULT * (len(stacks[0].results) + 0.6)
    return around + sum(map(_row_height, rows))


def kinds_legend() -> list[Patch]:
    """Handles of a legend for the kinds of blocks that a layer is made of."""
    return [Patch(facecolor=_KINDS[kind][0], edgecolor=DARK, linewidth=0.6, label=kind) for kind in _INNER]


def _row_height(parts: Sequence[Part]) -> float:
    notes = max(len(part.notes) for part in parts)
    return max(part.height for part in parts) + _LINE * notes + _PART


def _draw_part(axes: Axes, part: Part, x: float, bottom: float, scale: float) -> None:
    y = bottom
    for layer in part.layers:
        for kind, width in layer:
            fill, height = _KINDS[kind]
            left, across = x - scale * width / 2, scale * width
            axes.add_patch(
                Rectangle((left, y), across, height, facecolor=fill, edgecolor=DARK, linewidth=0.6, zorder=2)
            )
            y += height
        y += _LAYER
    for line, text in enumerate(reversed(part.notes)):
        _write(axes, x, y + _LINE * line, text, size=7, ha="center", va="bottom")


def _write(axes: Axes, x: float, y: float, text: str, *, size: float = 8, **how: Any) -> None:
    axes.text(x, y, text, fontsize=size, color=DARK, **how)


def _heads(count: int) -> str:
    return f"{count} head{'s' if count > 1 else ''}"


def _kernels(shape: Mapping[str, int], side: str) -> str:
    """Kernels grow from 3 to the largest; one layer alone has the largest."""
    layers, largest = shape[f"model.{side}.num_layers"], shape[f"model.{side}.max_kernel"]
    return f"kernel {largest}" if layers == 1 or largest == 3 else f"kernels 3 to {largest}"


def _attention(shape: Mapping[str, int], side: str) -> str:
    heads = shape[f"model.{side}.attention_heads"]
    return f"self-attention {_heads(heads)}" if heads else "no self-attention"
