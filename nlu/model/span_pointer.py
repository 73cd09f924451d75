"""The span-pointer parser (Shrivastava et al. 2021): encoder, length module, decoder, pointer head."""

from typing import NamedTuple

import torch
from torch import Tensor

from nlu.batches import Batch
from nlu.model.base import Hypothesis, Losses, LossSettings, ParserModel, length_loss, token_loss
from nlu.model.causal import CausalDecoder
from nlu.model.decoder import Decoder
from nlu.model.encoder import Encoder
from nlu.model.length import LengthModule
from nlu.model.pointer import PointerHead
from nlu.model.wellformed import best_well_formed, is_well_formed


class Encoded(NamedTuple):
    """An encoded batch.

    Attributes:
        pieces: `b x t x d`.
        piece_mask: `b x t`, true at real pieces; None when all are.
        words: vectors of each word's first piece, `b x w x d`.
        word_mask: `b x w`, true at real words; None when all are.
        lengths: log-probabilities of target lengths, `b x c`; class k stands for 2k tokens.
    """

    pieces: Tensor
    piece_mask: Tensor | None
    words: Tensor
    word_mask: Tensor | None
    lengths: Tensor


class SpanPointer(ParserModel):
    """Everything that runs on the device, from piece ids to the frame's tokens, length beam included.

    Args:
        encoder, length_module, decoder, pointer: the parts.
        beam: number of target lengths that are decoded side by side and ranked.
        intents: number I of intents, whose opening brackets follow the closing one in the ontology.

    Attributes:
        rescorer: judges the hypotheses, all in one pass ("noisy parallel decoding", Gu et al. 2018), where
            there is one. Its loss teaches the encoder, whether hypotheses are judged or not.
    """

    def __init__(
        self,
        encoder: Encoder,
        length_module: LengthModule,
        decoder: Decoder,
        pointer: PointerHead,
        *,
        beam: int,
        intents: int,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.length_module = length_module
        self.decoder = decoder
        self.pointer = pointer
        self.rescorer: CausalDecoder | None = None
        self.beam = beam
        self.intents = intents
        self.ontology_size = pointer.ontology.out_features

    def encode(
        self, pieces: Tensor, piece_mask: Tensor | None, word_starts: Tensor, word_mask: Tensor | None
    ) -> Encoded:
        """Encode a batch.

        Args:
            pieces: piece ids, `b x t`.
            piece_mask: `b x t`, true at real pieces; None when all are.
            word_starts: first piece of each word, `b x w`; 0 at padding.
            word_mask: `b x w`, true at real words; None when all are.
        """
        encoded = self.encoder(pieces, piece_mask)
        index = word_starts.unsqueeze(-1).expand(-1, -1, encoded.shape[-1])
        words = encoded.gather(1, index)
        return Encoded(encoded, piece_mask, words, word_mask, self.length_module(encoded, piece_mask))

    def decode(self, lengths: Tensor, mask: Tensor | None, longest: int, encoded: Encoded) -> Tensor:
        """Return log-probabilities `b x l x (K + w)` of targets of given lengths; see `Decoder.forward`."""
        decoded = self.decoder(lengths, longest, mask, encoded.pieces, encoded.piece_mask)
        return self.pointer(decoded, encoded.words, encoded.word_mask)

    def forward(self, pieces: Tensor, word_starts: Tensor) -> Tensor:
        """Parse one utterance; see `ParserModel.forward`."""
        if self.beam > 1:
            return torch.tensor(self.search(pieces, word_starts, self.beam)[0][0])
        encoded = self.encode(pieces.unsqueeze(0), None, word_starts.unsqueeze(0), None)
        lengths = 2 * encoded.lengths.argmax(dim=1)
        scores = self.decode(lengths, None, int(lengths), encoded)[0]
        best = scores.argmax(dim=-1)
        ids: list[int] = best.tolist()
        if is_well_formed(ids, self.intents, self.ontology_size):
            return best
        return torch.tensor(best_well_formed(scores, self.intents, self.ontology_size)[0])

    @torch.jit.export
    def search(self, pieces: Tensor, word_starts: Tensor, beam: int) -> list[tuple[list[int], float]]:
        """Parse one utterance into several frames; see `ParserModel.search`."""
        encoded = self.encode(pieces.unsqueeze(0), None, word_starts.unsqueeze(0), None)
        return self.hypotheses(encoded, beam)[0]

    @torch.jit.export
    def hypotheses(self, encoded: Encoded, count: int) -> list[list[tuple[list[int], float]]]:
        """Decode the most likely lengths side by side; the best frame of each is a hypothesis.

        Its probability is that of its length times those of its tokens. Tokens are chosen independently,
        and by dynamic programming where the choice is no frame. Where there is a rescorer, it is the
        geometric mean of that and of the tokens' probabilities given those before them.

        Args:
            encoded: a batch of b utterances.
            count: lengths to decode for each.

        Returns:
            Of each utterance, target ids and log-probabilities, most likely first.
        """
        batch, classes = encoded.lengths.shape
        count = min(count, classes - 1)
        length_scores, best_classes = encoded.lengths.topk(count, dim=1)
        lengths = 2 * best_classes.view(-1)
        longest = int(lengths.max())
        mask = torch.arange(longest, device=lengths.device).unsqueeze(0) < lengths.unsqueeze(1)
        repeated = repeat(encoded, count)
        scores = self.decode(lengths, mask, longest, repeated)
        tokens = scores.argmax(dim=-1)
        all_tokens: list[list[int]] = tokens.tolist()
        all_lengths: list[int] = lengths.tolist()
        word_mask = repeated.word_mask
        for row in range(len(all_lengths)):
            ids = all_tokens[row][: all_lengths[row]]
            if not is_well_formed(ids, self.intents, self.ontology_size):
                words = encoded.words.size(1) if word_mask is None else int(word_mask[row].sum())
                possible = scores[row, : all_lengths[row], : self.ontology_size + words]
                ids, _ = best_well_formed(possible, self.intents, self.ontology_size)
                tokens[row, : len(ids)] = torch.tensor(ids, device=tokens.device)
            all_tokens[row] = ids
        totals = length_scores.view(-1) + log_probability(scores, tokens, mask)
        rescorer = self.rescorer
        if rescorer is not None:
            again = rescorer(tokens, repeated.pieces, repeated.piece_mask, repeated.words, word_mask)
            totals = (totals + log_probability(again, tokens, mask)) / 2
        all_totals: list[float] = totals.tolist()
        answers: list[list[tuple[list[int], float]]] = []
        for example in range(batch):
            ranked: list[tuple[list[int], float]] = []
            for row in range(example * count, (example + 1) * count):
                insert(ranked, all_tokens[row], all_totals[row])
            answers.append(ranked)
        return answers

    def losses(self, batch: Batch, settings: LossSettings) -> Losses:
        """Return the losses of tokens, given the true lengths, and of lengths."""
        encoded = self.encode(batch.pieces, batch.piece_mask, batch.word_starts, batch.word_mask)
        lengths = batch.target_mask.sum(dim=1)
        scores = self.decode(lengths, batch.target_mask, batch.targets.shape[1], encoded)
        token = token_loss(scores, batch, self.ontology_size, settings)
        rescoring: Tensor | float = 0.0
        if self.rescorer is not None:
            again = self.rescorer(
                batch.targets, encoded.pieces, batch.piece_mask, encoded.words, batch.word_mask
            )
            rescoring = token_loss(again, batch, self.ontology_size, settings)
        length = length_loss(encoded.lengths, lengths // 2, settings)
        return Losses(token, length, encoded.words, rescoring)

    def predict(self, batch: Batch, count: int) -> list[list[Hypothesis]]:
        """Parse a batch; see `ParserModel.predict`."""
        encoded = self.encode(batch.pieces, batch.piece_mask, batch.word_starts, batch.word_mask)
        return [ranked[:count] for ranked in self.hypotheses(encoded, max(self.beam, count))]


def repeat(encoded: Encoded, times: int) -> Encoded:
    """Repeat each utterance of a batch `times` times, copies side by side."""
    piece_mask, word_mask = encoded.piece_mask, encoded.word_mask
    if piece_mask is not None:
        piece_mask = piece_mask.repeat_interleave(times, dim=0)
    if word_mask is not None:
        word_mask = word_mask.repeat_interleave(times, dim=0)
    return Encoded(
        encoded.pieces.repeat_interleave(times, dim=0),
        piece_mask,
        encoded.words.repeat_interleave(times, dim=0),
        word_mask,
        encoded.lengths.repeat_interleave(times, dim=0),
    )


def insert(ranked: list[tuple[list[int], float]], ids: list[int], score: float) -> None:
    """Insert a hypothesis behind all that are at least as likely."""
    place = len(ranked)
    while place > 0 and ranked[place - 1][1] < score:
        place -= 1
    ranked.insert(place, (ids, score))


def log_probability(scores: Tensor, tokens: Tensor, mask: Tensor) -> Tensor:
    """Add up what scores `b x l x (K + w)` say of tokens `b x l` where the mask is true; returns `b`."""
    chosen = scores.gather(2, tokens.unsqueeze(2)).squeeze(2)
    return chosen.masked_fill(~mask, 0.0).sum(dim=1)
