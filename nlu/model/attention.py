"""Multi-head attention: the optional self-attention of encoder and decoder, and cross-attention."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from nlu.model.dropout import Dropout
from nlu.model.packing import Packing, pack, unpack


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

    def forward(
        self, x: Tensor, memory: Tensor, memory_mask: Tensor | None, packing: Packing | None = None
    ) -> Tensor:
        """Attend from `x` to `memory`.

        Args:
            x: queries, `b x t x d`; their real ones, `n x d`, with a `packing`.
            memory: keys and values, `b x s x d`.
            memory_mask: `b x s`, true at real positions; None when all are.
            packing: where the real queries are; None where there is no padding.

        Returns:
            As `x`.
        """
        mask = None if memory_mask is None else memory_mask.unsqueeze(1)
        # TorchScript does not know the default of a method that it has not compiled yet.
        return self.attend(x, self.project(memory, None), mask, packing)

    @torch.jit.export
    def to_itself(self, x: Tensor, packing: Packing | None) -> Tensor:
        """Attend from `x` to itself, real positions alone; shapes as in `forward`."""
        mask = None if packing is None else packing.mask.unsqueeze(1)
        return self.attend(x, self.project(x, packing), mask, packing)

    @torch.jit.export
    def project(self, memory: Tensor, packing: Packing | None = None) -> Tensor:
        """Return keys and values of `b x s x d`, or `n x d` with a packing, as `b x 2h x s x (d / h)`."""
        key_value = unpack(self.key_value(memory), packing)
        batch, length, dim = key_value.shape
        return key_value.view(batch, length, 2 * self.heads, dim // (2 * self.heads)).transpose(1, 2)

    @torch.jit.export
    def attend(
        self, x: Tensor, key_value: Tensor, mask: Tensor | None, packing: Packing | None = None
    ) -> Tensor:
        """Attend from `x`, as in `forward`, to what `project` gave where the mask `b x t x s` is true."""
        query = unpack(self.query(x), packing)
        batch, length, dim = query.shape
        query = query.view(batch, length, self.heads, dim // self.heads).transpose(1, 2)
        key, value = key_value.chunk(2, dim=1)
        allowed = None if mask is None else mask.unsqueeze(1)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=allowed)
        mixed = pack(mixed.transpose(1, 2).reshape(batch, length, dim), packing)
        return self.norm(x + self.dropout(self.output(mixed)))


def optional_attention(dim: int, heads: int, dropout: float) -> Attention | None:
    """Return the attention, or None when it has no heads."""
    return Attention(dim, heads, dropout) if heads > 0 else None
