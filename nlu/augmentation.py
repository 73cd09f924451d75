"""Training utterances that vary from pass to pass: words are hidden, slots lend each other their words."""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from nlu.batches import Batch
from nlu.frame import CLOSE
from nlu.span import SpanToken
from nlu.tokenizer import UNKNOWN

Words = tuple[str, ...]


def hidden_pieces(batch: Batch, probability: float) -> Tensor:
    """Choose words at random, each by itself; return `b x t`, true at all of their pieces.

    Args:
        batch: utterances.
        probability: of a word to be chosen, 0 to below 1.
    """
    hidden = torch.rand(batch.word_starts.shape, device=batch.pieces.device) < probability
    # A word's pieces are those from its first one up to the next word's.
    position = torch.arange(batch.pieces.shape[1], device=batch.pieces.device)
    starts = batch.word_starts.masked_fill(~batch.word_mask, len(position))
    word = (starts.unsqueeze(2) <= position).sum(dim=1) - 1
    return hidden.gather(1, word) & batch.piece_mask


def drop_words(batch: Batch, probability: float) -> Batch:
    """Make words unknown (word dropout, Iyyer et al. 2015); see `hidden_pieces`."""
    return batch._replace(pieces=batch.pieces.masked_fill(hidden_pieces(batch, probability), UNKNOWN))


class SlotSubstitution:
    """Give leaf slots the words of other ones with the same label under the same intent.

    The frame's shape and labels stay as they are, and so does the distribution of each slot's words.

    Args:
        rows: words and span form of each utterance of the train split.
        probability: of a slot to get other words, 0 to 1.
    """

    def __init__(self, rows: Sequence[tuple[Sequence[str], Sequence[SpanToken]]], probability: float) -> None:
        self.probability = probability
        self.fillers: defaultdict[tuple[str, str], list[Words]] = defaultdict(list)
        for words, target in rows:
            for labels, _, (first, last) in _leaves(target):
                self.fillers[labels].append(tuple(words[first : last + 1]))

    def __call__(
        self, words: Sequence[str], target: Sequence[SpanToken], source: random.Random
    ) -> tuple[list[str], list[SpanToken]]:
        """Return an utterance with other words in its slots, and its span form.

        Args:
            words: of the utterance.
            target: its span form.
            source: of random numbers.
        """
        changed, moved = list(words), list(target)
        # From the last slot on, so that the places of those before it stay.
        for labels, at, (first, last) in reversed(list(_leaves(target))):
            if source.random() < self.probability:
                filler = source.choice(self.fillers[labels])
                changed[first : last + 1] = filler
                longer = len(filler) - (last + 1 - first)
                moved[at + 1 :] = [
                    token + longer if isinstance(token, int) else token for token in moved[at + 1 :]
                ]
        return changed, moved


def _leaves(target: Sequence[SpanToken]) -> Iterator[tuple[tuple[str, str], int, tuple[int, int]]]:
    """Yield of each leaf slot its labels, intent first, the place of its first index, and its indices."""
    opened: list[str] = []
    for place, token in enumerate(target):
        if isinstance(token, int):
            if isinstance(last := target[place + 1], int):
                yield (opened[-2], opened[-1]), place, (token, last)
        elif token == CLOSE:
            opened.pop()
        else:
            opened.append(token)
