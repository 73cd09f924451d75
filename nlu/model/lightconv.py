"""Lightweight convolution (Wu et al., ICLR 2019) and the gated block around it."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from nlu.model.dropout import Dropout
from nlu.model.packing import Packing, pack, unpack


class LightConv(nn.Module):
    """Depthwise convolution over time whose kernel the channels of a head share; non-causal, same length out.

    One head's convolution is the product with a Toeplitz matrix of its kernel. At the lengths of utterances
    that is several times faster than a depthwise `conv1d`, for one utterance and for batches, and hardly
    depends on the kernel's size.

    Args:
        dim: channels c, a multiple of `heads`.
        kernel: taps, odd.
        heads: number of kernels.
    """

    def __init__(self, dim: int, kernel: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.reach = kernel // 2
        self.weight = nn.Parameter(torch.empty(heads, kernel))
        self.bias = nn.Parameter(torch.zeros(dim))
        nn.init.uniform_(self.weight, -1 / math.sqrt(kernel), 1 / math.sqrt(kernel))

    def forward(self, x: Tensor) -> Tensor:
        """Convolve `b x t x c` over t; beyond the ends there are zeros."""
        batch, length, dim = x.shape
        # Taps at offsets -(t - 1) … t - 1: no two positions are further apart.
        margin = length - 1 - self.reach
        if margin > 0:
            taps = functional.pad(self.weight, (margin, margin))
        else:
            taps = self.weight[:, -margin : self.reach + length]
        toeplitz = taps.unfold(1, length, 1).flip(1)
        # All utterances beside each other, so that a head is one product, and its kernel has one gradient.
        heads = x.view(batch, length, self.heads, dim // self.heads).permute(2, 1, 0, 3)
        mixed = torch.bmm(toeplitz, heads.reshape(self.heads, length, -1))
        mixed = mixed.view(self.heads, length, batch, dim // self.heads).permute(2, 1, 0, 3)
        return mixed.reshape(batch, length, dim) + self.bias


class GatedConv(nn.Module):
    """Dropout, Linear d -> 2c and GLU, LightConv, Linear c -> d, residual: the block of all three stages.

    Args:
        dim: width d.
        conv_dim: width c inside.
        kernel: taps, odd.
        heads: kernels of the convolution.
        dropout: probability of zeroing an element of the input.
    """

    def __init__(self, dim: int, conv_dim: int, kernel: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.input = nn.Linear(dim, 2 * conv_dim)
        self.conv = LightConv(conv_dim, kernel, heads)
        self.output = nn.Linear(conv_dim, dim)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, packing: Packing | None) -> Tensor:
        """Transform real positions, `n x d`; or `b x t x d` without a packing, where all are real."""
        gated = functional.glu(self.input(self.dropout(x)), dim=-1)
        # Padding looks like the zeros beyond the end of an utterance alone.
        mixed = pack(self.conv(unpack(gated, packing)), packing)
        return x + self.output(mixed)


class FeedForward(nn.Module):
    """Linear d -> f, ReLU, Linear f -> d, residual, layer norm."""

    def __init__(self, dim: int, ffn_dim: int, dropout: float) -> None:
        super().__init__()
        self.input = nn.Linear(dim, ffn_dim)
        self.output = nn.Linear(ffn_dim, dim)
        self.norm = nn.LayerNorm(dim)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Transform each vector of `… x d`."""
        return self.norm(x + self.dropout(self.output(functional.relu(self.input(x)))))


def kernel_sizes(layers: int, largest: int) -> list[int]:
    """Return odd kernel sizes that grow evenly from 3 to `largest`; one layer alone has the largest."""
    if layers == 1:
        return [largest]
    return [3 + 2 * round((largest - 3) / 2 * layer / (layers - 1)) for layer in range(layers)]
