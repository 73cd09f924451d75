"""Rows to examples, examples to padded batches of similar length."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset, Sampler

from nlu.ontology import Ontology
from nlu.span import target_of
from nlu.tokenizer import Tokenizer

# Lengths are padded to a multiple of this: the fewer shapes, the less often a kernel has to be prepared.
_MULTIPLE = 2
# Most pairs of positions in a batch: 128 utterances of 90 pieces, or one that is much too long.
_MOST_PAIRS = 1_000_000


class Example(NamedTuple):
    """One utterance as tensors.

    Attributes:
        pieces: piece ids, `t`.
        word_starts: first piece of each word, `w`.
        target: target ids, `l`; empty where only the utterance is known or used.
    """

    pieces: Tensor
    word_starts: Tensor
    target: Tensor


class Batch(NamedTuple):
    """Padded examples.

    Attributes:
        pieces: piece ids, `b x t`.
        piece_mask: `b x t`, true at real pieces.
        word_starts: first piece of each word, `b x w`.
        word_mask: `b x w`, true at real words.
        targets: target ids, `b x l`.
        target_mask: `b x l`, true at real target ids.
        places: each example's place in its data set, `b`.
    """

    pieces: Tensor
    piece_mask: Tensor
    word_starts: Tensor
    word_mask: Tensor
    targets: Tensor
    target_mask: Tensor
    places: Tensor


def encode_words(words: Sequence[str], tokenizer: Tokenizer, target: Sequence[int] = ()) -> Example:
    """Turn words, and target ids where there are any, into tensors."""
    pieces, starts = tokenizer.encode(words)
    return Example(torch.tensor(pieces), torch.tensor(starts), torch.tensor(target, dtype=torch.int64))


def encode_rows(
    rows: Sequence[Mapping[str, Any]], tokenizer: Tokenizer, ontology: Ontology | None = None
) -> list[Example]:
    """Turn rows of `nlu.data.rows` into examples, with targets when an ontology is given.

    Raises:
        FrameError: a target holds a label that the ontology lacks.
    """
    return [
        encode_words(row["words"], tokenizer, ontology.encode(target_of(row["target"])) if ontology else ())
        for row in rows
    ]


def collate(items: Sequence[tuple[int, Example]]) -> Batch:
    """Pad examples, each with its place in the data set, to a batch."""

    def pad(tensors: list[Tensor]) -> tuple[Tensor, Tensor]:
        lengths = torch.tensor([len(tensor) for tensor in tensors])
        padded = pad_sequence(tensors, batch_first=True)
        padded = functional.pad(padded, (0, -padded.shape[1] % _MULTIPLE))
        return padded, torch.arange(padded.shape[1]) < lengths.unsqueeze(1)

    pieces, piece_mask = pad([example.pieces for _, example in items])
    word_starts, word_mask = pad([example.word_starts for _, example in items])
    targets, target_mask = pad([example.target for _, example in items])
    places = torch.tensor([place for place, _ in items])
    return Batch(pieces, piece_mask, word_starts, word_mask, targets, target_mask, places)


class LengthBuckets(Sampler[list[int]]):
    """Batches of utterances of similar length, in an order that depends on the seed and the epoch alone.

    Targets of equal length are not put together, although the decoder would pad less: a batch of them says
    nothing about lengths, and the length module learns badly from it (see docs/parser.md).

    Args:
        lengths: pieces of each example.
        batch_size: most examples in a batch; there are fewer in the last one, and where they are very long.
        seed: of the shuffle; None keeps the order by length, for evaluation.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int | None) -> None:
        self.lengths = lengths
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order comes next; the trainer calls this."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self._cut(sorted(range(len(self.lengths)), key=self.lengths.__getitem__)))

    def __iter__(self) -> Iterator[list[int]]:
        source = random.Random(f"{self.seed} {self.epoch}")
        order = list(range(len(self.lengths)))
        if self.seed is not None:
            source.shuffle(order)
        # The sort keeps the shuffled order among equals.
        order.sort(key=self.lengths.__getitem__)
        batches = self._cut(order)
        if self.seed is not None:
            source.shuffle(batches)
        return iter(batches)

    def _cut(self, order: list[int]) -> list[list[int]]:
        batches: list[list[int]] = [[]]
        longest = 0
        for place in order:
            longest = max(longest, self.lengths[place])
            if batches[-1] and not self._fits(len(batches[-1]) + 1, longest):
                batches.append([])
                longest = self.lengths[place]
            batches[-1].append(place)
        return batches if order else []

    def _fits(self, examples: int, longest: int) -> bool:
        # Attention takes memory and time by the square of the length.
        return examples <= self.batch_size and examples * longest**2 <= _MOST_PAIRS


class Varied(Dataset[tuple[int, Example]]):
    """Examples that are made anew in each epoch.

    Args:
        vary: makes an example from its place and the epoch, and always the same one.
        buckets: know how many there are, and the epoch.
    """

    def __init__(self, vary: Callable[[int, int], Example], buckets: LengthBuckets) -> None:
        self.vary = vary
        self.buckets = buckets

    def __len__(self) -> int:
        return len(self.buckets.lengths)

    def __getitem__(self, place: int) -> tuple[int, Example]:
        return place, self.vary(place, self.buckets.epoch)


def make_loader(
    examples: list[Example],
    batch_size: int,
    seed: int | None,
    vary: Callable[[int, int], Example] | None = None,
) -> "DataLoader[Any]":
    """Return a loader of `Batch`es of similar length; see `LengthBuckets` and, for `vary`, `Varied`."""
    buckets = LengthBuckets([len(example.pieces) for example in examples], batch_size, seed)
    # A list is a map-style data set.
    data: Any = list(enumerate(examples)) if vary is None else Varied(vary, buckets)
    return DataLoader(data, batch_sampler=buckets, collate_fn=collate)
