"""Noisy expected hypervolume improvement of one more point, in closed form over that point.

NEHVI (Daulton et al. 2021, "Parallel Bayesian Optimization of Multiple Noisy Objectives with Expected
Hypervolume Improvement") is an expectation over the functions' values at the observed and pending points and
at the candidate. A batch is chosen point by point, so that the candidate is one point; given sampled values
at the others, its two objectives are independent and normal, and the expectation over them is a short sum of
products (Yang et al. 2019, "Efficient computation of expected hypervolume improvement using box decomposition
algorithms", section 3). Only the other points' values are sampled: fewer samples are needed, and the function
is smooth and has a gradient everywhere.

With psi_i(a) = E max(f_i - a, 0), a front e_1 > ... > e_P of the first objective, whose second ones are
g_1 < ... < g_P, and the reference point (e_{P+1}, g_0), the expected improvement is

    sum over k = 1 ... P of psi_1(e_k) (psi_2(g_{k-1}) - psi_2(g_k))  +  psi_1(e_{P+1}) psi_2(g_P).

Each psi(a) = sigma h((mu - a) / sigma), h(z) = phi(z) + z Phi(z), is computed as a logarithm, as Ament et al.
2023, "Unexpected Improvements to Expected Improvement for Bayesian Optimization", show to be needed.
"""

import math
from typing import Any

import torch
from botorch.acquisition.acquisition import AcquisitionFunction
from botorch.models.model_list_gp_regression import ModelListGP
from botorch.sampling.qmc import NormalQMCEngine
from torch import Tensor

from nas.surrogate.members import ConditionedMembers, Members

# Sampled sets of values at the observed and pending points, over all members of an ensemble; and of one
# member at least.
SAMPLES = 256
MIN_SAMPLES = 16
# Values at all observed points that decide which of them may lie on a front, over all members.
PRUNING_SAMPLES = 1024
# Candidates that are evaluated at once, so that the work space stays small.
CHUNK = 64

_LOG_ROOT_2PI = 0.5 * math.log(2 * math.pi)
_ROOT_HALF_PI = math.sqrt(math.pi / 2)
# exp(-1e-18) is 1: strips of no width add nothing that double precision would see.
_NO_WIDTH = 1e-18


class LogNoisyExpectedHypervolumeImprovement(AcquisitionFunction):
    """The logarithm of NEHVI for two objectives, averaged over an ensemble's members.

    Args:
        model: Two independent GPs or ensembles, fitted to the observations; objectives to be maximised.
        reference: `2`, the reference point.
        X_pending: `p x d`, points that are being evaluated.
        batch: How many points will be added by `add_pending`.
        seed: Seed of the samples.

    Attributes:
        baseline: `b x d`, the observed points that may be optimal.
    """

    def __init__(
        self, model: ModelListGP, reference: Tensor, *, X_pending: Tensor, batch: int, seed: int
    ) -> None:
        super().__init__(model=model)
        members = [Members.of(single) for single in model.models]
        count = max(len(one) for one in members)
        members = [one.repeated(count) for one in members]
        self.reference = [
            (float(value) - one.shift) / one.scale for one, value in zip(members, reference, strict=True)
        ]
        self._log_units = sum(math.log(one.scale) for one in members)
        self.samples = max(MIN_SAMPLES, SAMPLES // count)
        with torch.no_grad():
            self.baseline = members[0].X[_may_be_optimal(members, self.reference, seed)]
            points = torch.cat([self.baseline, X_pending])
            width = len(points) + batch
            normals = torch.empty(self.samples, 2 * width, dtype=torch.float64)
            NormalQMCEngine(2 * width, seed=seed).draw(self.samples, out=normals)
            self._normals = normals.reshape(self.samples, 2, width).unbind(1)
            self.objectives = [
                ConditionedMembers.given(one, points, numbers[:, : len(points)])
                for one, numbers in zip(members, self._normals, strict=True)
            ]
            self._used = len(points)
            self._find_fronts()

    def add_pending(self, x: Tensor) -> None:
        """Have the next candidates take one more point, `d`, as being evaluated."""
        with torch.no_grad():
            for objective, numbers in zip(self.objectives, self._normals, strict=True):
                objective.add(x, numbers[:, self._used])
            self._used += 1
            self._find_fronts()

    def candidates_on_front(self) -> Tensor:
        """The observed points that may be optimal and the pending ones, `b x d`: where to look around."""
        objective = self.objectives[0]
        return objective.points[len(objective.members.X) :]

    def memory(self, batch: int) -> float:
        """Bytes that evaluating candidates takes at most, when `batch` points have been added."""
        members, points = self.objectives[0].inverse.shape[:2]
        factors = 2 * members * (points + batch) ** 2
        work = 12 * members * CHUNK * self.samples * (self._edges.shape[-1] + batch)
        return 8.0 * (factors + work)

    def _find_fronts(self) -> None:
        first, second = (objective.values() for objective in self.objectives)
        self._edges, self._floors = fronts(first, second, self.reference)

    def forward(self, X: Tensor) -> Tensor:
        """Evaluate candidates, each by itself.

        Args:
            X: `b x 1 x d` points.

        Returns:
            `b` logarithms of the expected improvement, in the objectives' own units.
        """
        return torch.cat([self._evaluate(chunk) for chunk in torch.split(X.squeeze(-2), CHUNK)])

    def _evaluate(self, X: Tensor) -> Tensor:
        (mean_1, std_1), (mean_2, std_2) = (objective.moments(X) for objective in self.objectives)
        log_1 = log_h((mean_1.unsqueeze(-1) - self._edges.unsqueeze(1)) / std_1[:, :, None, None])
        log_2 = log_h((mean_2.unsqueeze(-1) - self._floors.unsqueeze(1)) / std_2[:, :, None, None])
        # log_2 falls along the front: log(psi(g_{k-1}) - psi(g_k)), strips of no width being next to nothing.
        width = (log_2[..., :-1] - log_2[..., 1:]).clamp_min(_NO_WIDTH)
        strips = log_2[..., :-1] + torch.log(-torch.expm1(-width))
        strips = torch.cat([strips, log_2[..., -1:]], dim=-1)
        total = (log_1 + strips).logsumexp(dim=(-2, -1)) + std_1.log() + std_2.log()
        terms = total.shape[0] * self.samples
        return total.logsumexp(dim=0) - math.log(terms) + self._log_units


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


def _may_be_optimal(members: list[Members], reference: list[float], seed: int) -> Tensor:
    """Which observed points lie on the front of at least one sample, `n` flags."""
    samples = max(MIN_SAMPLES, PRUNING_SAMPLES // len(members[0]))
    generator = torch.Generator().manual_seed(seed)
    first, second = (
        one.sample(torch.randn(len(one.X), samples, dtype=torch.float64, generator=generator))
        for one in members
    )
    _, _, order, on_front = _sorted(first, second, reference)
    flags = torch.zeros(len(members[0].X), dtype=torch.bool)
    flags[order[on_front]] = True
    return flags


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
