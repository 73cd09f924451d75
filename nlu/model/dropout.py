"""Dropout that costs little on a processor."""

import torch
from torch import Tensor, nn


class Dropout(nn.Dropout):
    """Zero elements with probability p, scale the others by 1 / (1 - p) (Srivastava et al. 2014).

    One random byte decides on an element, so p is rounded to a multiple of 1/256. `nn.Dropout` draws a random
    double for each, which alone takes a sixth of a training step on one thread.

    Args:
        p: probability, 0 to below 1.
    """

    def __init__(self, p: float) -> None:
        super().__init__(p)
        self.threshold = min(round(256 * p), 255)
        # Of the whole range of 64-bit integers, in which every byte is uniform.
        self.lowest = -(2**63)

    def forward(self, x: Tensor) -> Tensor:
        """Drop elements of a tensor of any shape in training; return it as it is in evaluation."""
        if not self.training or self.threshold == 0:
            return x
        random = torch.empty((x.numel() + 7) // 8, dtype=torch.int64, device=x.device)
        random.random_(self.lowest, None)
        keep = random.view(torch.uint8)[: x.numel()].view(x.shape) >= self.threshold
        return x * (keep.to(x.dtype) * (256 / (256 - self.threshold)))
