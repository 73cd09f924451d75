"""The length module: how many tokens will the frame have? Decided before any of them is."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from nlu.model.lightconv import GatedConv

KERNELS = (3, 9)
CONV_HEADS = 2


class LengthModule(nn.Module):
    """Gated convolutions, ReLU, mean over time, then a classifier over target lengths.

    Span forms have even length, so class k means 2k tokens; class 0 never occurs.

    Args:
        dim: width d of the encoder.
        conv_dim: width inside of the convolutions.
        max_length: longest target, even.
        dropout: in the convolutions.
    """

    def __init__(self, dim: int, *, conv_dim: int, max_length: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            GatedConv(dim, conv_dim, kernel, CONV_HEADS, dropout) for kernel in KERNELS
        )
        self.classifier = nn.Linear(dim, max_length // 2 + 1)

    def forward(self, encoded: Tensor, mask: Tensor | None) -> Tensor:
        """Map encoded utterances `b x t x d` to log-probabilities of classes, `b x (max_length / 2 + 1)`."""
        x = encoded
        for layer in self.layers:
            x = layer(x, mask)
        x = functional.relu(x)
        if mask is None:
            pooled = x.mean(dim=1)
        else:
            weight = mask.unsqueeze(-1).to(x.dtype)
            pooled = (x * weight).sum(dim=1) / weight.sum(dim=1)
        logits = self.classifier(pooled)
        never = torch.zeros_like(logits, dtype=torch.bool)
        never[:, 0] = True
        return functional.log_softmax(logits.masked_fill(never, -1e4), dim=-1)
