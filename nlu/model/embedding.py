"""Embeddings: pieces for the encoder, positions for the decoder's masks."""

import math

import torch
from torch import Tensor, nn

from nlu.model.dropout import Dropout
from nlu.tokenizer import PAD


class PieceEmbedding(nn.Module):
    """Piece ids to vectors: table scaled by sqrt(dim), layer norm, dropout.

    Args:
        vocab_size: number of pieces.
        dim: width d.
        dropout: probability of zeroing an element.
    """

    def __init__(self, vocab_size: int, dim: int, dropout: float) -> None:
        super().__init__()
        self.table = nn.Embedding(vocab_size, dim, padding_idx=PAD)
        nn.init.normal_(self.table.weight, std=1 / math.sqrt(dim))
        self.scale = math.sqrt(dim)
        self.norm = nn.LayerNorm(dim)
        self.dropout = Dropout(dropout)

    def forward(self, pieces: Tensor) -> Tensor:
        """Map piece ids `b x t` to vectors `b x t x d`."""
        return self.dropout(self.norm(self.table(pieces) * self.scale))


class MaskEmbedding(nn.Module):
    """What the decoder starts from: [MASK] at each target position.

    A mask is known by its distance from both ends of the target, so that the decoder sees the target's length
    at every position. The published model, with positions from the start alone, sees it through padding only.

    Args:
        max_length: most target tokens L.
        dim: width d.
        dropout: probability of zeroing an element.
    """

    def __init__(self, max_length: int, dim: int, dropout: float) -> None:
        super().__init__()
        self.from_start = nn.Embedding(max_length, dim)
        self.from_end = nn.Embedding(max_length, dim)
        self.norm = nn.LayerNorm(dim)
        self.dropout = Dropout(dropout)

    def forward(self, lengths: Tensor, longest: int) -> Tensor:
        """Map target lengths `b` to vectors `b x longest x d`; past its length a row means nothing."""
        position = torch.arange(longest, device=lengths.device).unsqueeze(0)
        remaining = (lengths.unsqueeze(1) - 1 - position).clamp(min=0)
        return self.dropout(self.norm(self.from_start(position) + self.from_end(remaining)))
