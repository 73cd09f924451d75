"""One trajectory of a No-U-Turn sampler, with a unit mass matrix.

Multinomial sampling with the generalised U-turn criterion: Betancourt, "A Conceptual Introduction to
Hamiltonian Monte Carlo", 2017, appendix A; extra U-turn checks across subtrees: Stan reference manual, "MCMC
sampling".
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
# Returns the log density and its gradient; the gradient may lie in a buffer that the next call overwrites.
Density = Callable[[Vector], tuple[float, Vector]]

# An energy error beyond this is a divergence, as in Stan, PyMC and NumPyro.
_MAX_ENERGY_ERROR = 1000.0


@dataclass
class State:
    """A state on a trajectory, in whitened coordinates; `z` is the same position in the density's."""

    u: Vector
    p: Vector
    z: Vector
    gradient: Vector
    log_density: float

    @property
    def energy(self) -> float:
        """Kinetic and potential."""
        return 0.5 * float(self.p @ self.p) - self.log_density


@dataclass
class Tree:
    """A stretch of trajectory: its ends, one state drawn from it, and sums over it."""

    left: State
    right: State
    proposal: State
    log_weight: float
    momentum: Vector
    accept: float
    leapfrogs: int
    turning: bool
    diverging: bool


class Trajectory:
    """Builds one trajectory by doubling (Betancourt 2017, A.3 to A.5).

    Args:
        density: Log density and its gradient.
        whitening: `size x size`, the L of `z = L u`.
        step_size: Of a leapfrog step.
        rng: Source of randomness.
    """

    def __init__(
        self, density: Density, whitening: Vector, step_size: float, rng: np.random.Generator
    ) -> None:
        self._density = density
        self._whitening = whitening
        self._step_size = step_size
        self._rng = rng

    def point(self, u: Vector, p: Vector) -> State:
        """Evaluate the density at `u`."""
        z = self._whitening @ u
        log_density, gradient = self._density(z)
        return State(u, p, z, gradient @ self._whitening, log_density)

    def leapfrog(self, start: State, direction: int) -> State:
        """Take one leapfrog step forward (1) or backward (-1) in time."""
        step = direction * self._step_size
        half = start.p + 0.5 * step * start.gradient
        point = self.point(start.u + step * half, half)
        point.p = half + 0.5 * step * point.gradient
        return point

    def sample(self, start: State, max_depth: int) -> tuple[Tree, int]:
        """Grow a trajectory from `start` until it turns; return it and its depth."""
        energy = start.energy
        tree = Tree(start, start, start, 0.0, start.p, 0.0, 0, False, False)
        depth = 0
        while depth < max_depth and not tree.turning and not tree.diverging:
            direction = 1 if self._rng.random() < 0.5 else -1
            end = tree.right if direction == 1 else tree.left
            subtree = self._build(end, direction, depth, energy)
            depth += 1
            # Biased progressive sampling: prefer the new half, which lies further from the start.
            accepted = not (subtree.turning or subtree.diverging) and (
                math.log(self._rng.random()) < subtree.log_weight - tree.log_weight
            )
            proposal = subtree.proposal if accepted else tree.proposal
            tree = _join(tree, subtree, direction, proposal)
        return tree, depth

    def _build(self, end: State, direction: int, depth: int, energy: float) -> Tree:
        if depth == 0:
            return self._leaf(self.leapfrog(end, direction), energy)
        inner = self._build(end, direction, depth - 1, energy)
        if inner.turning or inner.diverging:
            return inner
        end = inner.right if direction == 1 else inner.left
        outer = self._build(end, direction, depth - 1, energy)
        log_weight = float(np.logaddexp(inner.log_weight, outer.log_weight))
        accepted = not outer.diverging and math.log(self._rng.random()) < outer.log_weight - log_weight
        return _join(inner, outer, direction, outer.proposal if accepted else inner.proposal)

    def _leaf(self, point: State, energy: float) -> Tree:
        error = point.energy - energy
        if not math.isfinite(error):
            error = math.inf
        return Tree(
            left=point,
            right=point,
            proposal=point,
            log_weight=-error,
            momentum=point.p,
            accept=min(1.0, math.exp(min(0.0, -error))),
            leapfrogs=1,
            turning=False,
            diverging=error > _MAX_ENERGY_ERROR,
        )


def _turns(left: Vector, right: Vector, momentum: Vector) -> bool:
    return float(left @ momentum) <= 0 or float(right @ momentum) <= 0


def _join(inner: Tree, outer: Tree, direction: int, proposal: State) -> Tree:
    """Put `outer` at `inner`'s end in `direction`; as Stan does, look for U-turns across the seam too."""
    early, late = (inner, outer) if direction == 1 else (outer, inner)
    momentum = inner.momentum + outer.momentum
    turning = (
        inner.turning
        or outer.turning
        or _turns(early.left.p, late.right.p, momentum)
        or _turns(early.left.p, late.left.p, early.momentum + late.left.p)
        or _turns(early.right.p, late.right.p, late.momentum + early.right.p)
    )
    return Tree(
        left=early.left,
        right=late.right,
        proposal=proposal,
        log_weight=float(np.logaddexp(inner.log_weight, outer.log_weight)),
        momentum=momentum,
        accept=inner.accept + outer.accept,
        leapfrogs=inner.leapfrogs + outer.leapfrogs,
        turning=turning,
        diverging=inner.diverging or outer.diverging,
    )
