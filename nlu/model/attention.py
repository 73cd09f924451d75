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
        mask = None if memory_mask is None else memory_mask.unsqueeze(1)
        return self.attend(x, self.project(memory), mask)

    @torch.jit.export
    def project(self, memory: Tensor) -> Tensor:
        """Return keys and values of a memory `b x s x d` as `b x 2h x s x (d / h)`."""
        batch, length, dim = memory.shape
        return self.key_value(memory).view(batch, length, 2 * self.heads, dim // self.heads).transpose(1, 2)

    @torch.jit.export
    def attend(self, x: Tensor, key_value: Tensor, mask: Tensor | None) -> Tensor:
        """Attend from `x`, `b x t x d`, to what `project` gave; `mask`, `b x t x s`, is true where it may."""
        batch, length, dim = x.shape
        head = dim // self.heads
        query = self.query(x).view(batch, length, self.heads, head).transpose(1, 2)
        key, value = key_value.chunk(2, dim=1)
        allowed = None if mask is None else mask.unsqueeze(1)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=allowed)
        mixed = mixed.transpose(1, 2).reshape(batch, length, dim)
        return self.norm(x + self.dropout(self.output(mixed)))


def optional_attention(dim: int, heads: int, dropout: float) -> Attention | None:
    """Return the attention, or None when it has no heads."""
    return Attention(dim, heads, dropout) if heads > 0 else None
