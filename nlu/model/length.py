"""The length module: how many tokens will the frame have? Decided before any of them is."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from nlu.model.lightconv import GatedConv
from nlu.model.packing import pack, packing_of, unpack

KERNELS = (3, 9)
CONV_HEADS = 2
POOLING_HEADS = 2


class LengthModule(nn.Module):
    """Gated convolutions, ReLU, sum and attention over time, then a classifier over target lengths.

    Span forms have even length, so class k means 2k tokens; class 0 never occurs. A frame's length is a
    count of its slots and intents, which a mean over time (the published module) cannot express: the sum
    can, and attention finds what the utterance is about.

    Args:
        dim: width d of the encoder.
        conv_dim: width inside of the convolutions.
        classes: number of classes; class k of n means a length in steps of the target's form: 2k tokens of
            a span form,
            k of a text form.
        dropout: in the convolutions.
    """

    def __init__(self, dim: int, *, conv_dim: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            GatedConv(dim, conv_dim, kernel, CONV_HEADS, dropout) for kernel in KERNELS
        )
        self.heads = POOLING_HEADS
        self.attention = nn.Linear(dim, POOLING_HEADS)
        self.hidden = nn.Linear(2 * dim, dim)
        self.classifier = nn.Linear(dim, classes)

    def forward(self, encoded: Tensor, mask: Tensor | None) -> Tensor:
        """Map encoded utterances `b x t x d` to log-probabilities of classes, `b x classes`."""
        packing = packing_of(mask)
        x = pack(encoded, packing)
        for layer in self.layers:
            x = layer(x, packing)
        x = unpack(functional.relu(x), packing)
        scores = self.attention(x).float()
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-1), float("-inf"))
        batch, length, dim = x.shape
        heads = x.view(batch, length, self.heads, dim // self.heads)
        weights = functional.softmax(scores, dim=1).to(x.dtype)
        attended = (heads * weights.unsqueeze(-1)).sum(dim=1).view(batch, dim)
        # Scaled so that the sum over an utterance of usual length is of the order of the attended vector.
        pooled = torch.cat([attended, x.sum(dim=1) / 8], dim=-1)
        logits = self.classifier(functional.relu(self.hidden(pooled))).float()
        never = torch.zeros_like(logits, dtype=torch.bool)
        never[:, 0] = True
        return functional.log_softmax(logits.masked_fill(never, -1e4), dim=-1)
