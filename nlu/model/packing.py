"""Real positions alone: what treats each position by itself need not treat padding.

Nearly half of a batch's target positions are padding, since batches are not made by target length (see
`nlu.batches.LengthBuckets`). Only what mixes positions, convolutions and attention, sees padded batches.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class Packing(NamedTuple):
    """Where the real positions of a padded batch are.

    Attributes:
        mask: `b x t`, true at them.
        rows: their places among all positions, `n`, in order.
    """

    mask: Tensor
    rows: Tensor


def packing_of(mask: Tensor | None) -> Packing | None:
    """Return where a mask `b x t` is true; None for None, where all positions are real."""
    if mask is None:
        return None
    return Packing(mask, mask.flatten().nonzero().squeeze(1))


def pack(x: Tensor, packing: Packing | None) -> Tensor:
    """Return the real positions of `b x t x d`, `n x d`; all of `x`, as it is, where there is no padding."""
    if packing is None:
        return x
    return x.flatten(0, 1).index_select(0, packing.rows)


def unpack(x: Tensor, packing: Packing | None) -> Tensor:
    """Return `b x t x d` from real positions `n x d`, with zeros at padding; undoes `pack`."""
    if packing is None:
        return x
    batch, length = packing.mask.shape
    padded = torch.zeros(batch * length, x.size(1), dtype=x.dtype, device=x.device)
    return padded.index_copy(0, packing.rows, x).view(batch, length, x.size(1))
