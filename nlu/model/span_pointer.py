"""The span-pointer parser (Shrivastava et al. 2021): encoder, length module, decoder, pointer head."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from nlu.model.decoder import Decoder
from nlu.model.encoder import Encoder
from nlu.model.length import LengthModule
from nlu.model.pointer import PointerHead


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


class SpanPointer(nn.Module):
    """Utterance in, target ids out; everything that runs on the device, length beam included.

    `forward` parses one utterance and is what gets exported; training calls `encode` and `decode`.

    Args:
        encoder, length_module, decoder, pointer: the parts.
        beam: number of target lengths that are decoded and ranked.
    """

    def __init__(
        self, encoder: Encoder, length_module: LengthModule, decoder: Decoder, pointer: PointerHead, beam: int
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.length_module = length_module
        self.decoder = decoder
        self.pointer = pointer
        self.beam = beam

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
        """Parse one utterance.

        Args:
            pieces: piece ids, `t`, at least one.
            word_starts: first piece of each word, `w`, at least one.

        Returns:
            Target ids, `l`: below K ontology tokens, K + i for word i.
        """
        encoded = self.encode(pieces.unsqueeze(0), None, word_starts.unsqueeze(0), None)
        tokens, lengths = self.beam_search(encoded)
        return tokens[0, : int(lengths[0])]

    @torch.jit.export
    def beam_search(self, encoded: Encoded) -> tuple[Tensor, Tensor]:
        """Decode the most likely lengths at once and keep the best by length plus token log-probability.

        Args:
            encoded: a batch of b utterances.

        Returns:
            Target ids `b x l` and lengths `b`; past its length a row means nothing.
        """
        batch, classes = encoded.lengths.shape
        beam = min(self.beam, classes - 1)
        length_scores, best_classes = encoded.lengths.topk(beam, dim=1)
        lengths = 2 * best_classes.view(-1)
        longest = int(lengths.max())
        if beam == 1 and batch == 1:
            scores = self.decode(lengths, None, longest, encoded)
            return scores.argmax(dim=-1), lengths
        position = torch.arange(longest, device=lengths.device)
        mask = position.unsqueeze(0) < lengths.unsqueeze(1)
        log_probabilities, tokens = self.decode(lengths, mask, longest, repeat(encoded, beam)).max(dim=-1)
        token_scores = log_probabilities.masked_fill(~mask, 0.0).sum(dim=1).view(batch, beam)
        best = (token_scores + length_scores).argmax(dim=1)
        chosen = torch.arange(batch, device=lengths.device) * beam + best
        return tokens.index_select(0, chosen), lengths.index_select(0, chosen)


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
