"""Multi-head attention: the optional self-attention of encoder and decoder, and cross-attention."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from nlu.model.dropout import Dropout


class Attention(nn.Module):
    """Scaled dot-product attention with a residual connection and layer norm after it (Vaswani et al. 2017).

    Args:
        dim: width d, a multiple of `heads`.
        heads: number of heads, at least 1.
        dropout: probability of zeroing an element of the output.
    """

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(dim, dim)
        self.key_value = nn.Linear(dim, 2 * dim)
        self.output = nn.Linear(dim, dim)
        self.norm = nn.LayerNorm(dim)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, memory_mask: Tensor | None) -> Tensor:
        """Attend from `x` to `memory`.

        Args:
            x: queries, `b x t x d`.
            memory: keys and values, `b x s x d`; `x` itself for self-attention.
            memory_mask: `b x s`, true at real positions; None when all are.

        Returns:
            `b x t x d`.
        """
        batch, length, dim = x.shape
        head = dim // self.heads
        query = self.query(x).view(batch, length, self.heads, head).transpose(1, 2)
        key_value = self.key_value(memory).view(batch, memory.shape[1], 2 * self.heads, head).transpose(1, 2)
        key, value = key_value.chunk(2, dim=1)
        scores = torch.matmul(query, key.transpose(2, 3)) * head**-0.5
        if memory_mask is not None:
            scores = scores.masked_fill(~memory_mask[:, None, None, :], float("-inf"))
        mixed = torch.matmul(functional.softmax(scores, dim=-1), value)
        mixed = mixed.transpose(1, 2).reshape(batch, length, dim)
        return self.norm(x + self.dropout(self.output(mixed)))


def optional_attention(dim: int, heads: int, dropout: float) -> Attention | None:
    """Return the attention, or None when it has no heads."""
    return Attention(dim, heads, dropout) if heads > 0 else None
