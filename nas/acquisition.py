"""Noisy expected hypervolume improvement of one more point, in closed form over that point.

NEHVI (Daulton et al. 2021, "Parallel Bayesian Optimization of Multiple Noisy Objectives with Expected
Hypervolume Improvement") is an expectation over the functions' values at the observed and pending points and
at the candidate. A batch is chosen point by point, so that the candidate is one point; given sampled values
at the others, its objectives are independent and normal, and the expectation over them is a short sum of
products (Yang et al. 2019, "Efficient computation of expected hypervolume improvement using box decomposition
algorithms", section 3), see `nas.fronts`. Only the other points' values are sampled: fewer samples are
needed, and the function is smooth and has a gradient everywhere.

A constraint is a further independent function that must not be negative: sampled points where it is do not
belong to a front, and a sample's improvement counts with the probability Phi(mu / sigma) that the candidate
is feasible (Gelbart et al. 2014, "Bayesian optimization with unknown constraints"). Where no sampled point is
feasible, all of the region above the reference point is left to improve on.
"""

import math
from collections.abc import Callable, Sequence

import torch
from botorch.sampling.qmc import NormalQMCEngine
from torch import Tensor

from nas.fronts import ever_optimal, find_region
from nas.surrogate.errors import SurrogateError
from nas.surrogate.posterior import ConditionedMembers, Members, Posterior

# Maps `b x d` points to the `b` logarithms of a weight.
LogWeight = Callable[[Tensor], Tensor]

# Sampled sets of values at the observed and pending points, over all members of an ensemble; and of one
# member at least. For three objectives and more each set's boxes are found one after the other.
SAMPLES, MIN_SAMPLES = 256, 16
SAMPLES_OF_MANY, MIN_SAMPLES_OF_MANY = 64, 4
# Values at all observed points that decide which of them may lie on a front, over all members.
PRUNING_SAMPLES = 1024
# Candidates that are evaluated at once, so that the work space stays small.
CHUNK = 64


class LogNoisyExpectedHypervolumeImprovement:
    """The logarithm of NEHVI with constraints, averaged over an ensemble's members; of one objective, noisy
    expected improvement.

    Args:
        posterior: m independent objectives to be maximised, then constraints.
        reference: `m`, the reference point; of one objective it counts only where no point is feasible.
        pending: `p x d`, points that are being evaluated.
        constraints: How many of the posterior's last columns are constraints.
        batch: How many points will be added by `add_pending`.
        seed: Seed of the samples.
        log_weights: Of weights that the improvement is multiplied by, such as the probability that a trial
            succeeds.

    Attributes:
        baseline: `b x d`, the observed points that may be optimal.

    Raises:
        SurrogateError: If the reference point is not of the objectives.
    """

    def __init__(
        self,
        posterior: Posterior,
        reference: Tensor,
        *,
        pending: Tensor,
        constraints: int = 0,
        batch: int,
        seed: int,
        log_weights: Sequence[LogWeight] = (),
    ) -> None:
        self._log_weights = log_weights
        count = max(len(one) for one in posterior.members)
        members = [one.repeated(count) for one in posterior.members]
        k = len(members)
        self._m = k - constraints
        if self._m < 1 or len(reference) != self._m:
            raise SurrogateError(
                f"The reference point has {len(reference)} values, and there are {self._m} objectives."
            )
        self.reference = [
            (float(value) - one.shift) / one.scale for one, value in zip(members, reference, strict=False)
        ]
        # Slack 0 in each constraint's standardised units.
        self._limits = [-one.shift / one.scale for one in members[self._m :]]
        self._log_units = sum(math.log(one.scale) for one in members[: self._m])
        many = self._m > 2
        self.samples = max(
            MIN_SAMPLES_OF_MANY if many else MIN_SAMPLES, (SAMPLES_OF_MANY if many else SAMPLES) // count
        )
        with torch.no_grad():
            self.baseline = members[0].X[self._may_be_optimal(members, seed)]
            points = torch.cat([self.baseline, pending])
            width = len(points) + batch
            normals = torch.empty(self.samples, k * width, dtype=torch.float64)
            NormalQMCEngine(k * width, seed=seed).draw(self.samples, out=normals)
            self._normals = normals.reshape(self.samples, k, width).unbind(1)
            self.functions = [
                ConditionedMembers.given(one, points, numbers[:, : len(points)])
                for one, numbers in zip(members, self._normals, strict=True)
            ]
            self._used = len(points)
            self._update()

    def add_pending(self, x: Tensor) -> None:
        """Have the next candidates take one more point, `d`, as being evaluated."""
        with torch.no_grad():
            for function, numbers in zip(self.functions, self._normals, strict=True):
                function.add(x, numbers[:, self._used])
            self._used += 1
            self._update()

    def candidates_on_front(self) -> Tensor:
        """The observed points that may be optimal and the pending ones, `b x d`: where to look around."""
        function = self.functions[0]
        return function.points[len(function.members.X) :]

    def memory(self, batch: int) -> float:
        """Bytes that evaluating candidates takes at most, when `batch` points have been added."""
        members, points = self.functions[0].inverse.shape[:2]
        factors = len(self.functions) * members * (points + batch) ** 2
        work = 6 * self._m * members * CHUNK * self.samples * (self._region.boxes + batch)
        return 8.0 * (factors + work)

    def _update(self) -> None:
        values = [function.values() for function in self.functions]
        self._region = find_region(values[: self._m], self._feasible(values), self.reference)

    def _feasible(self, values: list[Tensor]) -> Tensor | None:
        """Where all constraints' values, each `s x samples x b`, are kept; None if there is no constraint."""
        if not self._limits:
            return None
        kept = [slack >= limit for slack, limit in zip(values[self._m :], self._limits, strict=True)]
        return torch.stack(kept).all(dim=0)

    def _may_be_optimal(self, members: list[Members], seed: int) -> Tensor:
        """Which observed points are optimal in at least one sample of their values, `n` flags."""
        samples = max(MIN_SAMPLES, PRUNING_SAMPLES // len(members[0]))
        generator = torch.Generator().manual_seed(seed)
        values = [
            one.sample(torch.randn(len(one.X), samples, dtype=torch.float64, generator=generator))
            for one in members
        ]
        return ever_optimal(values[: self._m], self._feasible(values), self.reference)

    def __call__(self, X: Tensor) -> Tensor:
        """Evaluate candidates, each by itself.

        Args:
            X: `b x 1 x d` points.

        Returns:
            `b` logarithms of the expected improvement, in the objectives' own units.
        """
        return torch.cat([self._evaluate(chunk) for chunk in torch.split(X.squeeze(-2), CHUNK)])

    def _evaluate(self, X: Tensor) -> Tensor:
        moments = [function.moments(X) for function in self.functions]
        terms = self._region.log_terms(moments[: self._m])
        for (mean, std), limit in zip(moments[self._m :], self._limits, strict=True):
            terms = terms + torch.special.log_ndtr((mean - limit) / std.unsqueeze(-1)).unsqueeze(-1)
        total = terms.logsumexp(dim=(-2, -1))
        for _, std in moments[: self._m]:
            total = total + std.log()
        value = total.logsumexp(dim=0) - math.log(total.shape[0] * self.samples) + self._log_units
        for log_weight in self._log_weights:
            value = value + log_weight(X)
        return value
