"""Word tags: which leaf slot does a word begin, or go on with?

Frames tell the encoder little: of a span, the pointer learns two words, and the length module one number for
the whole utterance. Tagging tells it something about every word, as in joint slot filling (Liu & Lane 2016).
It is for training alone: a parser has no tagger.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from nlu.batches import Batch
from nlu.ontology import Ontology


class Tagger(nn.Module):
    """A linear classifier of words, trained beside a parser.

    Args:
        dim: width d of the encoder.
        ontology: of the parser.
        smoothing: uniform label smoothing, 0 to below 1.
    """

    def __init__(self, dim: int, ontology: Ontology, smoothing: float) -> None:
        super().__init__()
        self.ontology_size, self.intents = len(ontology), ontology.intents
        slots = self.ontology_size - 1 - self.intents
        self.classifier = nn.Linear(dim, 1 + 2 * slots)
        self.smoothing = smoothing

    def loss(self, words: Tensor, batch: Batch) -> Tensor:
        """Return the mean loss of the tags of a batch's words, given their vectors `b x w x d`."""
        tags = word_tags(batch, self.ontology_size, self.intents)
        scores = self.classifier(words[batch.word_mask]).float()
        return functional.cross_entropy(scores, tags[batch.word_mask], label_smoothing=self.smoothing)


def word_tags(batch: Batch, ontology_size: int, intents: int) -> Tensor:
    """Read the tag of each word off a batch's targets.

    Args:
        batch: with targets.
        ontology_size: number K of ontology tokens.
        intents: number I of intents.

    Returns:
        `b x w`: 2s - 1 where a span of slot I + s begins, 2s where it goes on, 0 outside of leaf slots
        (Ramshaw & Marcus 1995).
    """
    targets = batch.targets
    before = functional.pad(targets[:, :-1], (1, 0))
    # A span's first index stands after its slot's bracket, its last one after an index.
    opens = ((targets >= ontology_size) & (before < ontology_size)).unsqueeze(2)
    first = (targets - ontology_size).unsqueeze(2)
    last = functional.pad(first[:, 1:], (0, 0, 0, 1))
    word = torch.arange(batch.word_starts.shape[1], device=targets.device)
    inside = opens & (first <= word) & (word <= last)
    begins = opens & (first == word)
    return (2 * (before - intents).unsqueeze(2) * inside - begins.long()).sum(dim=1)
