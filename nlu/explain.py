"""What a span-pointer parser weighs: its lengths, and for each token of the frame its labels and words.

    python -m nlu.explain text="message mum I'll be there at 6pm" out=FILE   # the parser that ships
    python -m nlu.explain parser=DIR_OR_FILE                                 # one of its held-out utterances

draws the parser's blocks and, beside them, where its pointer looks as it parses the text: figure1.png, or
another file whose ending says in which format. In Python, with all probabilities as a figure:

    from nlu import Parser
    from nlu.explain import draw, explain

    figure = draw(explain(Parser.load("models/topv2"), "message mum I'll be there at 6pm"))
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from nlu.errors import ParserFileError, UtteranceError
from nlu.model.span_pointer import SpanPointer
from nlu.parser import SHIPPED, Parser
from paretoparse.arguments import read_pairs
from paretoparse.cli import plain_main

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = npt.NDArray[np.float64]

# Less than this is not worth a label's row.
_SHOWN = 0.02
# Words of an utterance that makes a picture.
_EXAMPLE = range(6, 11)


@dataclass(frozen=True)
class Explanation:
    """A parse, and what else the parser thought possible.

    Attributes:
        words: The utterance, w words.
        tokens: The frame's l tokens as text, brackets and labels as in the frame, pointers as their words.
        labels: The ontology's K tokens.
        lengths: c lengths of frames that the parser can give.
        length_probabilities: `c`, of these lengths.
        label_probabilities: `l x K`, of each place's label.
        word_probabilities: `l x w`, of each place's pointer; with the labels' they sum to 1 in each row.
    """

    words: tuple[str, ...]
    tokens: tuple[str, ...]
    labels: tuple[str, ...]
    lengths: tuple[int, ...]
    length_probabilities: Array
    label_probabilities: Array
    word_probabilities: Array


def explain(parser: Parser, text: str) -> Explanation:
    """Parse a text and keep all probabilities, tokens' at the answer's length.

    Args:
        parser: A span pointer with its weights, not an exported artifact.
        text: An utterance.

    Raises:
        ParserFileError: The parser is of another kind.
        UtteranceError: See `Parser.parse`.
    """
    model = parser.model
    if type(model) is not SpanPointer:
        raise ParserFileError(
            "only a span pointer's own file can be explained, not another architecture or an artifact; "
            "name a parser.pt of model=span_pointer."
        )
    words, batch = parser.read(text)
    with torch.inference_mode():
        encoded = model.encode(batch.pieces, batch.piece_mask, batch.word_starts, batch.word_mask)
        ids, _ = model.hypotheses(encoded, model.beam)[0][0]
        scores = model.decode(torch.tensor([len(ids)]), None, len(ids), encoded)[0].exp().double().numpy()
        lengths = encoded.lengths[0, 1:].exp().double().numpy()
    size = len(parser.ontology)
    return Explanation(
        words=tuple(words),
        tokens=tuple(words[i - size] if i >= size else parser.ontology.tokens[i] for i in ids),
        labels=tuple(parser.ontology.tokens),
        lengths=tuple(range(2, 2 * len(lengths) + 1, 2)),
        length_probabilities=lengths / lengths.sum(),
        label_probabilities=scores[:, :size],
        word_probabilities=scores[:, size : size + len(words)],
    )


def draw(found: Explanation) -> "Figure":
    """The probabilities as a figure: of lengths, and of each token's labels and words."""
    from matplotlib.figure import Figure

    labels = found.label_probabilities
    # In the order of the frame, so that the picture reads from the upper left.
    likely = sorted(np.flatnonzero(labels.max(axis=0) > _SHOWN), key=lambda i: int(labels[:, i].argmax()))
    heights = [1.2, 0.3 * len(likely), 0.3 * len(found.words)]
    figure = Figure(figsize=(2.6 + 0.5 * len(found.tokens), 2.2 + sum(heights)), layout="constrained")
    lengths, above, below = figure.subplots(3, 1, height_ratios=heights)
    _draw_lengths(lengths, found)
    _draw_weights(above, labels[:, likely], [found.labels[i] for i in likely])
    _draw_weights(below, found.word_probabilities, found.words)
    above.tick_params(bottom=False, labelbottom=False)
    above.set_ylabel("labels")
    below.set_ylabel("words")
    below.set_xticks(range(len(found.tokens)), found.tokens, rotation=60, ha="right", rotation_mode="anchor")
    below.set_xlabel("tokens of the frame, all predicted in one pass")
    figure.colorbar(below.images[0], ax=[above, below], label="probability", aspect=30, pad=0.02)
    return figure


def _draw_weights(axes: "Axes", weights: Array, names: Sequence[str]) -> None:
    """Draw `l x n` probabilities, a row for each of n names."""
    from paretoparse.figures import GRID_COLOR, GRID_WIDTH

    axes.imshow(weights.T, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_yticks(range(len(names)), names)
    axes.set_xticks(np.arange(0.5, len(weights) - 1), minor=True)
    axes.set_yticks(np.arange(0.5, len(names) - 1), minor=True)
    axes.grid(which="minor", color=GRID_COLOR, linewidth=GRID_WIDTH)
    axes.tick_params(which="minor", length=0)


def _draw_lengths(axes: "Axes", found: Explanation) -> None:
    from paretoparse.figures import BLUE, GREY, style

    probabilities = found.length_probabilities
    best = found.lengths.index(len(found.tokens))
    likely = np.flatnonzero(probabilities >= min(_SHOWN, probabilities[best]))
    shown = range(max(likely[0] - 4, 0), min(likely[-1] + 5, len(probabilities)))
    bars = axes.bar(
        [found.lengths[i] for i in shown],
        [probabilities[i] for i in shown],
        width=1.2,
        color=[BLUE if i == best else GREY for i in shown],
    )
    axes.bar_label(bars, [f"{probabilities[i]:.2f}" if i in likely else "" for i in shown], fontsize=9)
    axes.set(xlabel="length of the frame in tokens", ylabel="probability", ylim=(0, 1.15))
    axes.set_xticks([found.lengths[i] for i in shown])
    axes.set_yticks([0, 0.5, 1])
    style(axes, grid=False)


def main(arguments: Sequence[str]) -> None:
    """Draw a parser and a parse, and print the frame and the file."""
    # Slow to import, as those who only want --help need not wait for it.
    from nlu.diagram import draw_model
    from paretoparse.figures import write_figure

    given = read_pairs(arguments, ["parser", "text", "out"])
    parser = Parser.load(given.get("parser") or SHIPPED)
    text = given["text"] if "text" in given else example(parser)
    figure = draw_model(parser, explain(parser, text))
    print(parser.parse(text).frame.tree())
    out = Path(given.get("out") or "figure1.png")
    write_figure(figure, out)
    print(out)


def example(parser: Parser) -> str:
    """The first of a parser's held-out utterances that is neither short nor long; else its first.

    Raises:
        UtteranceError: It carries none.
    """
    if not parser.utterances:
        raise UtteranceError("the parser carries no utterances; give it one with text=TEXT.")
    fitting = (words for words in parser.utterances if len(words) in _EXAMPLE)
    return " ".join(next(fitting, parser.utterances[0]))


if __name__ == "__main__":
    plain_main(main, __doc__)
