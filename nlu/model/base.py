"""What every architecture is: the protocol that training, evaluation and export rely on."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from nlu.batches import Batch

# Target ids of a well-formed frame and the logarithm of its probability.
Hypothesis = tuple[list[int], float]


@dataclass(frozen=True)
class Sizes:
    """What the data gives a model.

    Attributes:
        vocab_size: number of pieces.
        intents: number I of intents; ids 1 … I of the ontology open them.
        ontology_size: number K of ontology tokens.
        max_length: longest target, even.
        max_text_length: longest target in which a span is spelt out, word by word.
        templates: different targets of the train split, each index as K; empty where no architecture needs
            them.
    """

    vocab_size: int
    intents: int
    ontology_size: int
    max_length: int
    max_text_length: int
    templates: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class LossSettings:
    """How the losses keep a model from being sure of what it learnt by heart.

    Attributes:
        token_smoothing, length_smoothing: uniform label smoothing of the losses of tokens and lengths, 0 to
            below 1.
        consistency: weight of `disagreement` in both, 0 or more; above 0 the second half of a batch is its
            first half again.
    """

    token_smoothing: float = 0.0
    length_smoothing: float = 0.0
    consistency: float = 0.0


class Losses(NamedTuple):
    """Mean losses of a batch, and what others may learn from beside them.

    Attributes:
        token: of the target's tokens.
        length: of what is decided before them: the target's length, or its template; 0 where nothing is.
        words: the encoder's vectors of words, `b x w x d`.
        rescoring: of the target's tokens given those before them, where hypotheses are judged so; else 0.
    """

    token: Tensor
    length: Tensor
    words: Tensor
    rescoring: Tensor | float = 0.0


class ParserModel(nn.Module):
    """Utterance in, target ids out: `forward` is exported and timed, `search` exported, the others train it.

    Whatever an architecture predicts inside, targets and answers are ids of span forms (see
    `nlu.ontology`), and each answer is a well-formed frame.
    """

    def forward(self, pieces: Tensor, word_starts: Tensor) -> Tensor:
        """Parse one utterance.

        Args:
            pieces: piece ids, `t`, at least one.
            word_starts: first piece of each word, `w`, at least one.

        Returns:
            Target ids, `l`: below K ontology tokens, K + i for word i.
        """
        raise NotImplementedError

    def search(self, pieces: Tensor, word_starts: Tensor, beam: int) -> list[tuple[list[int], float]]:
        """Parse one utterance into several frames; exported beside `forward`.

        Args:
            pieces: piece ids, `t`, at least one.
            word_starts: first piece of each word, `w`, at least one.
            beam: how wide to search, at least 1.

        Returns:
            Target ids and log-probabilities of at least one frame and at most `beam`, most likely first.
        """
        raise NotImplementedError

    def parameter_count(self) -> int:
        """Return how many numbers training has to find."""
        return sum(parameter.numel() for parameter in self.parameters())

    def losses(self, batch: Batch, settings: LossSettings) -> Losses:
        """Return the losses of a batch with targets."""
        raise NotImplementedError

    def predict(self, batch: Batch, count: int) -> list[list[Hypothesis]]:
        """Parse a batch.

        Args:
            batch: utterances.
            count: most hypotheses for each; at least those of `forward` are searched.

        Returns:
            Hypotheses of each utterance, most likely first, at least one.
        """
        raise NotImplementedError


def smoothed_nll(log_probabilities: Tensor, target: Tensor, valid: Tensor, smoothing: float) -> Tensor:
    """Negative log-likelihood with uniform label smoothing over the entries that exist.

    Args:
        log_probabilities: `… x c`.
        target: class of each row, `…`.
        valid: `… x c`, true at classes that the row can have (words beyond an utterance's end are none).
        smoothing: weight s of the uniform part, 0 to below 1.

    Returns:
        Loss of each row, `…`: (1 - s) · nll + s · mean of the valid classes' nll.
    """
    nll = -log_probabilities.gather(-1, target.unsqueeze(-1)).squeeze(-1)
    if smoothing == 0:
        return nll
    uniform = -log_probabilities.masked_fill(~valid, 0.0).sum(dim=-1) / valid.sum(dim=-1)
    return (1 - smoothing) * nll + smoothing * uniform


def disagreement(log_probabilities: Tensor, valid: Tensor) -> Tensor:
    """Tell how far dropout drives a batch's two equal halves apart (R-Drop, Liang et al. 2021).

    Args:
        log_probabilities: `2b … x c`.
        valid: `2b … x c`, true at classes that the row can have.

    Returns:
        Mean of the two Kullback-Leibler divergences between a row's distributions, `2b …`, for both halves.
    """
    first, second = log_probabilities.chunk(2)
    # A class that cannot be has a logarithm of minus infinity in both.
    difference = (first - second).masked_fill(~valid[: len(first)], 0.0)
    divergence = ((first.exp() - second.exp()) * difference).sum(dim=-1) / 2
    return torch.cat([divergence, divergence])


def row_losses(
    log_probabilities: Tensor, target: Tensor, valid: Tensor, smoothing: float, consistency: float
) -> Tensor:
    """Return the loss of each row, `…`: `smoothed_nll`, and `disagreement` with the weight `consistency`."""
    losses = smoothed_nll(log_probabilities, target, valid, smoothing)
    if consistency > 0:
        losses = losses + consistency * disagreement(log_probabilities, valid)
    return losses


def token_loss(scores: Tensor, batch: Batch, ontology_size: int, settings: LossSettings) -> Tensor:
    """Return the mean loss of a batch's target tokens, given log-probabilities `b x l x (K + w)`."""
    ontology = batch.word_mask.new_ones(len(batch.places), ontology_size)
    valid = torch.cat([ontology, batch.word_mask], dim=1).unsqueeze(1).expand_as(scores)
    losses = row_losses(scores, batch.targets, valid, settings.token_smoothing, settings.consistency)
    return losses[batch.target_mask].mean()


def length_loss(scores: Tensor, classes: Tensor, settings: LossSettings) -> Tensor:
    """Return the mean loss of what is decided before the tokens, `b`, given log-probabilities `b x c`.

    Class 0 never occurs.
    """
    possible = torch.ones_like(scores, dtype=torch.bool)
    possible[:, 0] = False
    return row_losses(scores, classes, possible, settings.length_smoothing, settings.consistency).mean()
