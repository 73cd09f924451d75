"""The region that a sampled front leaves, as boxes, and the improvement in each of them.

With psi_i(a) = E max(f_i - a, 0), a box from l to u of the region that the front does not dominate adds

    product over i of (psi_i(l_i) - psi_i(u_i)),    psi(infinity) = 0,

to the expected hypervolume improvement. One objective has one box, above the best value. For two, a front
e_1 > ... > e_P of the first objective, whose second ones are g_1 < ... < g_P, and the reference point
(e_{P+1}, g_0) have one box a strip, after a rearrangement

    sum over k = 1 ... P of psi_1(e_k) (psi_2(g_{k-1}) - psi_2(g_k))  +  psi_1(e_{P+1}) psi_2(g_P).

For more, the boxes are those of Lacour et al. 2017, "A box decomposition algorithm to compute the hypervolume
indicator", from BoTorch.

Each psi(a) = sigma h((mu - a) / sigma), h(z) = phi(z) + z Phi(z), is computed as a logarithm, as Ament et al.
2023, "Unexpected Improvements to Expected Improvement for Bayesian Optimization", show to be needed.
"""

import math
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from botorch.utils.multi_objective.box_decompositions.non_dominated import FastNondominatedPartitioning
from botorch.utils.multi_objective.pareto import is_non_dominated
from torch import Tensor

_LOG_ROOT_2PI = 0.5 * math.log(2 * math.pi)
_ROOT_HALF_PI = math.sqrt(math.pi / 2)
# exp(-1e-18) is 1: boxes of no width add nothing that double precision would see.
_NO_WIDTH = 1e-18

# An objective's means `s x b x samples` and standard deviations `s x b` at candidates.
Moments = tuple[Tensor, Tensor]


class Region(Protocol):
    """What the sampled fronts do not dominate.

    Attributes:
        boxes: How many boxes a sample has.
    """

    @property
    def boxes(self) -> int:
        """How many boxes a sample has."""

    def log_terms(self, moments: Sequence[Moments]) -> Tensor:
        """Logarithms of the boxes' expected improvements, the objectives' standard deviations divided out.

        Args:
            moments: One an objective.

        Returns:
            `s x b x samples x boxes`.
        """


def find_region(values: Sequence[Tensor], feasible: Tensor | None, reference: Sequence[float]) -> Region:
    """What sampled values leave to improve on.

    Args:
        values: One an objective, `s x samples x b`, to be maximised.
        feasible: `s x samples x b`, which of them count; None: all.
        reference: The reference point; of one objective it counts only where no value is feasible.
    """
    if feasible is not None:
        values = [value.masked_fill(~feasible, -math.inf) for value in values]
    if len(values) == 1:
        return Above(values[0], reference[0])
    if len(values) == 2:
        return Strips(values[0], values[1], list(reference))
    return Boxes(torch.stack(list(values), dim=-1), reference)


class Above:
    """One objective: everything above the best value."""

    boxes = 1

    def __init__(self, values: Tensor, reference: float) -> None:
        start = values.new_full((*values.shape[:-1], 1), -math.inf)
        best = torch.cat([start, values], dim=-1).amax(dim=-1)
        self._best = torch.where(best.isinf(), reference, best)

    def log_terms(self, moments: Sequence[Moments]) -> Tensor:
        """See `Region`."""
        ((mean, std),) = moments
        return log_h((mean - self._best.unsqueeze(1)) / std[:, :, None]).unsqueeze(-1)


class Strips:
    """Two objectives: strips between the second one's values on the front."""

    def __init__(self, first: Tensor, second: Tensor, reference: list[float]) -> None:
        self._edges, self._floors = fronts(first, second, reference)

    @property
    def boxes(self) -> int:
        """See `Region`."""
        return self._edges.shape[-1]

    def log_terms(self, moments: Sequence[Moments]) -> Tensor:
        """See `Region`."""
        (mean_1, std_1), (mean_2, std_2) = moments
        log_1 = log_h((mean_1.unsqueeze(-1) - self._edges.unsqueeze(1)) / std_1[:, :, None, None])
        log_2 = log_h((mean_2.unsqueeze(-1) - self._floors.unsqueeze(1)) / std_2[:, :, None, None])
        # log_2 falls along the front; strips of no width are next to nothing.
        strips = torch.cat([_log_difference(log_2[..., :-1], log_2[..., 1:]), log_2[..., -1:]], dim=-1)
        return log_1 + strips


class Boxes:
    """Three objectives and more: boxes of which some are open above."""

    def __init__(self, values: Tensor, reference: Sequence[float]) -> None:
        self._lower, self._upper, self._empty = boxes(values, reference)
        self._open = self._upper.isinf()
        self._upper = self._upper.masked_fill(self._open, 0.0)

    @property
    def boxes(self) -> int:
        """See `Region`."""
        return int(self._lower.shape[-2])

    def log_terms(self, moments: Sequence[Moments]) -> Tensor:
        """See `Region`."""
        total: Tensor | None = None
        for i, (mean, std) in enumerate(moments):
            mean, std = mean.unsqueeze(-1), std[:, :, None, None]
            below = log_h((mean - self._lower[..., i].unsqueeze(1)) / std)
            above = log_h((mean - self._upper[..., i].unsqueeze(1)) / std)
            closed = _log_difference(below, above)
            term = torch.where(self._open[..., i].unsqueeze(1), below, closed)
            total = term if total is None else total + term
        assert total is not None
        return total.masked_fill(self._empty.unsqueeze(1), -math.inf)


def boxes(values: Tensor, reference: Sequence[float]) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes of the regions above the reference point that no value dominates.

    Args:
        values: `s x samples x b x m`, to be maximised; minus infinity does not count.
        reference: `m`, the reference point.

    Returns:
        Lower and upper corners, `s x samples x B x m`, B the largest number, and which of them fill up a
        sample that has fewer, `s x samples x B`.
    """
    point = torch.tensor(reference, dtype=values.dtype)
    corners = []
    for sample in values.flatten(0, 1):
        inside = sample[(sample > point).all(dim=-1)]
        corners.append(FastNondominatedPartitioning(point, Y=inside).get_hypercell_bounds())
    most = max(found.shape[1] for found in corners)
    padded = [torch.nn.functional.pad(found, (0, 0, 0, most - found.shape[1])) for found in corners]
    lower, upper = torch.stack(padded, dim=1).reshape(2, *values.shape[:2], most, len(point)).unbind()
    counts = torch.tensor([found.shape[1] for found in corners]).reshape(values.shape[:2])
    return lower, upper, torch.arange(most) >= counts.unsqueeze(-1)


def fronts(first: Tensor, second: Tensor, reference: list[float]) -> tuple[Tensor, Tensor]:
    """Sampled Pareto fronts as strips.

    Args:
        first: `... x b` values of the first objective, to be maximised.
        second: `... x b` values of the second.
        reference: Of both objectives.

    Returns:
        Edges e_1 ... e_P, e_{P+1}, falling, and floors g_0, g_1 ... g_P, rising; both `... x (P + 1)`, with P
        the largest front's. Smaller fronts end in strips without width.
    """
    edges, best, _, on_front = _sorted(first, second, reference)
    start = best[..., :1]
    size = int(on_front.sum(dim=-1).max()) if on_front.shape[-1] else 0
    kept = on_front.to(torch.int8).argsort(dim=-1, descending=True, stable=True)[..., :size]
    edges = torch.where(on_front, edges, reference[0]).gather(-1, kept)
    floors = torch.where(on_front, best[..., 1:], best[..., -1:]).gather(-1, kept)
    end = torch.full_like(start, reference[0])
    return torch.cat([edges, end], dim=-1), torch.cat([start, floors], dim=-1)


def _sorted(first: Tensor, second: Tensor, reference: list[float]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Points by falling first objective, those not above the reference put on it.

    Returns:
        The first objective, `... x b`; the best second one so far, from the reference on, `... x (b + 1)`;
        the points' order and whether each is on the front, both `... x b`.
    """
    below = (first <= reference[0]) | (second <= reference[1])
    falling, order = first.masked_fill(below, reference[0]).sort(dim=-1, descending=True)
    values = second.masked_fill(below, reference[1]).gather(-1, order)
    start = first.new_full((*first.shape[:-1], 1), reference[1])
    best = torch.cat([start, values], dim=-1).cummax(dim=-1).values
    return falling, best, order, best[..., 1:] > best[..., :-1]


def ever_optimal(values: Sequence[Tensor], feasible: Tensor | None, reference: list[float]) -> Tensor:
    """Which points lie on the front of at least one sample.

    Args:
        values: One an objective, `s x samples x n`, to be maximised.
        feasible: `s x samples x n`, which of them count; None: all.
        reference: The reference point; it does not count for one objective.

    Returns:
        `n` flags.
    """
    if feasible is not None:
        values = [value.masked_fill(~feasible, -math.inf) for value in values]
    flags = torch.zeros(values[0].shape[-1], dtype=torch.bool)
    if len(values) == 1:
        best, order = values[0].max(dim=-1)
        flags[order[best > -math.inf]] = True
    elif len(values) == 2:
        _, _, order, on_front = _sorted(values[0], values[1], reference)
        flags[order[on_front]] = True
    else:
        point = torch.tensor(reference, dtype=values[0].dtype)
        for member in torch.stack(list(values), dim=-1):
            above = (member > point).all(dim=-1, keepdim=True)
            best = is_non_dominated(member.where(above, point))
            flags |= (best & above.squeeze(-1)).any(dim=0)
    return flags


def _log_difference(larger: Tensor, smaller: Tensor) -> Tensor:
    """log(exp(larger) - exp(smaller)), next to nothing where they are equal."""
    width = (larger - smaller).clamp_min(_NO_WIDTH)
    return larger + torch.log(-torch.expm1(-width))


def log_h(z: Tensor) -> Tensor:
    """log(phi(z) + z Phi(z)), of any shape, to full relative precision for every z above -1e6."""
    value: Tensor = _LogH.apply(z)  # type: ignore[no-untyped-call]
    return value


class _LogH(torch.autograd.Function):
    """h(z) = phi(z) (1 + z m(z)) with m = Phi / phi, which stays in range where phi does not."""

    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        # Above 8, h(z) = z in double precision; below -1e4 the difference 1 - |z| m is 1 / z^2.
        inner = z.clamp(-1e4, 8.0)
        ratio = torch.special.erfcx(inner * -math.sqrt(0.5)).mul_(_ROOT_HALF_PI)
        rest = (inner * ratio).add_(1.0)
        log_rest = rest.log()
        value: Tensor = log_rest - 0.5 * inner.square() - _LOG_ROOT_2PI
        slope = ratio / rest
        high, low = z > 8.0, z < -1e4
        if bool(high.any()):
            value = torch.where(high, z.clamp_min(1.0).log(), value)
            slope = torch.where(high, 1 / z.clamp_min(1.0), slope)
        if bool(low.any()):
            far = z.clamp_max(-1.0)
            value = torch.where(low, -0.5 * far.square() - 2 * (-far).log() - _LOG_ROOT_2PI, value)
            slope = torch.where(low, -far, slope)
        ctx.save_for_backward(slope)
        return value

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (slope,) = ctx.saved_tensors
        result: Tensor = gradient * slope
        return result
