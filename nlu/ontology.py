"""The parser's output vocabulary: ontology tokens first, then one index token per word."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from nlu.errors import FrameError
from nlu.frame import CLOSE, INTENT, Frame, is_opening
from nlu.span import SpanToken, from_span


@dataclass(frozen=True)
class Ontology:
    """The ontology tokens in order of their ids: `]`, then `[IN:…` and `[SL:…` sorted.

    In target ids, `len(ontology) + i` stands for word i of the utterance.
    """

    tokens: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.tokens[:1] != (CLOSE,) or not all(map(is_opening, self.tokens[1:])):
            raise FrameError("an ontology is the closing bracket followed by opening ones")
        if list(self.tokens[1:]) != sorted(set(self.tokens[1:])):
            raise FrameError("an ontology holds every token once, intents before slots")

    @classmethod
    def of(cls, targets: Iterable[Sequence[SpanToken]]) -> "Ontology":
        """Collect the labels that occur in span forms."""
        labels = {token for target in targets for token in target if isinstance(token, str)} - {CLOSE}
        return cls((CLOSE, *sorted(labels)))

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def intents(self) -> int:
        """Number I of intents: ids 1 … I open them, the ids above open slots."""
        return sum(token.startswith(f"[{INTENT}") for token in self.tokens)

    @cached_property
    def ids(self) -> dict[str, int]:
        """Map an ontology token to its id."""
        return {token: index for index, token in enumerate(self.tokens)}

    def unknown(self, target: Sequence[SpanToken]) -> list[str]:
        """Return the labels of a span form that the ontology lacks, in order."""
        return [token for token in target if isinstance(token, str) and token not in self.ids]

    def encode(self, target: Sequence[SpanToken]) -> list[int]:
        """Turn a span form into target ids.

        Raises:
            FrameError: a label is not in the ontology.
        """
        if unknown := self.unknown(target):
            raise FrameError(f"the ontology has no {', '.join(unknown)}")
        return [self.ids[token] if isinstance(token, str) else len(self) + token for token in target]

    def decode(self, ids: Sequence[int]) -> list[SpanToken]:
        """Turn target ids into a span form; the inverse of `encode`."""
        return [self.tokens[i] if i < len(self) else i - len(self) for i in ids]

    def frame(self, ids: Sequence[int], words: Sequence[str]) -> Frame:
        """Turn target ids into the decoupled frame.

        Raises:
            FrameError: they are not the span form of one.
        """
        return from_span(self.decode(ids), words)
