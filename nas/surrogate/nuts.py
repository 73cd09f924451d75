"""A lean No-U-Turn sampler for one expensive density: numpy, no automatic differentiation, warm start.

Multinomial NUTS with the generalised U-turn criterion, step size by dual averaging, and a mass matrix learnt
in growing windows. The sampler works in whitened coordinates `u` with `z = L u`, `L L'` being the inverse
mass matrix, so that every trajectory has a unit mass matrix.

References:
    Hoffman and Gelman, "The No-U-Turn Sampler", JMLR 2014 (dual averaging, equation 6).
    Betancourt, "A Conceptual Introduction to Hamiltonian Monte Carlo", 2017, appendix A (multinomial
    sampling, criterion). Stan reference manual, "MCMC sampling" (windows, extra U-turn checks across
    subtrees).
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Vector = NDArray[np.float64]
# Returns the log density and its gradient; the gradient may lie in a buffer that the next call overwrites.
Density = Callable[[Vector], tuple[float, Vector]]

# An energy error beyond this is a divergence, as in Stan, PyMC and NumPyro.
_MAX_ENERGY_ERROR = 1000.0
# A logarithm with a half-Cauchy prior has a standard deviation of 1.6; flatter directions of the mode are not
# trusted.
_MIN_PRECISION = 0.25
_MAX_PRECISION = 1e8


@dataclass(frozen=True)
class NutsConfig:
    """How long to sample and how to adapt.

    Attributes:
        warmup: Adaptation steps of a cold start, discarded.
        warm_warmup: Adaptation steps where the last posterior is at hand, discarded.
        samples: Draws kept, before thinning.
        max_tree_depth: Doublings of a trajectory at most; a step costs up to `2^depth - 1` gradients.
        target_accept: Mean acceptance statistic that the step size aims at, in (0, 1).
        dense_mass: Learn a full mass matrix; otherwise a diagonal one.
    """

    warmup: int = 512
    warm_warmup: int = 64
    samples: int = 256
    max_tree_depth: int = 6
    target_accept: float = 0.8
    dense_mass: bool = True


@dataclass(frozen=True)
class Start:
    """Where a chain starts and what it knows of the posterior's shape; one fit hands it to the next.

    Attributes:
        position: `size` position with a finite density.
        step_size: Step size in whitened coordinates.
        inverse_mass: `size x size` covariance that the sampler's coordinates are whitened by.
    """

    position: Vector
    step_size: float
    inverse_mass: Vector

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers, for JSON, which keeps every bit of them."""
        return {
            "position": self.position.tolist(),
            "step_size": float(self.step_size),
            "inverse_mass": self.inverse_mass.tolist(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Start":
        """What `as_dict` gave."""
        return cls(
            np.array(values["position"], dtype=np.float64),
            float(values["step_size"]),
            np.array(values["inverse_mass"], dtype=np.float64),
        )


@dataclass
class Chain:
    """One chain's draws and what is known of how they came about.

    Attributes:
        draws: `s x size` draws.
        log_density: `s` log densities of the draws.
        energy: `s` Hamiltonians at the start of each trajectory, after the momentum was drawn.
        diverging: `s` flags.
        depth: `s` doublings.
        leapfrogs: `s` gradients spent.
        accept: `s` mean acceptance statistics.
        saturated: Fraction of the kept trajectories that stopped only because of the depth's cap.
        warmup_leapfrogs: Gradients spent before the first kept draw.
        end: Last draw with the adapted step size and mass matrix, for the next fit to start from.
    """

    draws: Vector
    log_density: Vector
    energy: Vector
    diverging: NDArray[np.bool_]
    depth: NDArray[np.int64]
    leapfrogs: NDArray[np.int64]
    accept: Vector
    saturated: float
    warmup_leapfrogs: int
    end: Start


@dataclass
class _Point:
    """A state on a trajectory, in whitened coordinates; `z` is the same position in the density's."""

    u: Vector
    p: Vector
    z: Vector
    gradient: Vector
    log_density: float

    @property
    def energy(self) -> float:
        return 0.5 * float(self.p @ self.p) - self.log_density


@dataclass
class _Tree:
    """A stretch of trajectory: its ends, one state drawn from it, and sums over it."""

    left: _Point
    right: _Point
    proposal: _Point
    log_weight: float
    momentum: Vector
    accept: float
    leapfrogs: int
    turning: bool
    diverging: bool


class _Trajectory:
    """Builds one trajectory by doubling (Betancourt 2017, A.3 to A.5)."""

    def __init__(
        self, density: Density, whitening: Vector, step_size: float, rng: np.random.Generator
    ) -> None:
        self._density = density
        self._whitening = whitening
        self._step_size = step_size
        self._rng = rng

    def point(self, u: Vector, p: Vector) -> _Point:
        """Evaluate the density at `u`."""
        z = self._whitening @ u
        log_density, gradient = self._density(z)
        return _Point(u, p, z, gradient @ self._whitening, log_density)

    def leapfrog(self, start: _Point, direction: int) -> _Point:
        """Take one leapfrog step forward (1) or backward (-1) in time."""
        step = direction * self._step_size
        half = start.p + 0.5 * step * start.gradient
        point = self.point(start.u + step * half, half)
        point.p = half + 0.5 * step * point.gradient
        return point

    def sample(self, start: _Point, max_depth: int) -> tuple[_Tree, int]:
        """Grow a trajectory from `start` until it turns; return it and its depth."""
        energy = start.energy
        tree = _Tree(start, start, start, 0.0, start.p, 0.0, 0, False, False)
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

    def _build(self, end: _Point, direction: int, depth: int, energy: float) -> _Tree:
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

    def _leaf(self, point: _Point, energy: float) -> _Tree:
        error = point.energy - energy
        if not math.isfinite(error):
            error = math.inf
        return _Tree(
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


def _join(inner: _Tree, outer: _Tree, direction: int, proposal: _Point) -> _Tree:
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
    return _Tree(
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


@dataclass
class _DualAveraging:
    """Step size adaptation (Hoffman and Gelman 2014, section 3.2, with their constants)."""

    target: float
    step_size: float
    _count: int = field(default=0, init=False)
    _mean_error: float = field(default=0.0, init=False)
    _log_average: float = field(default=0.0, init=False)
    _anchor: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._anchor = math.log(10 * self.step_size)

    def update(self, accept: float) -> None:
        """Move the step size after a trajectory with this acceptance statistic."""
        self._count += 1
        weight = 1 / (self._count + 10)
        self._mean_error += weight * (self.target - accept - self._mean_error)
        log_step = self._anchor - math.sqrt(self._count) / 0.05 * self._mean_error
        decay = self._count**-0.75
        self._log_average += decay * (log_step - self._log_average)
        self.step_size = math.exp(log_step)

    @property
    def average(self) -> float:
        """The step size to sample with after adaptation."""
        return math.exp(self._log_average) if self._count else self.step_size


def windows(warmup: int) -> Iterator[tuple[int, int]]:
    """Windows of a cold warm-up over which the mass matrix is learnt, as Stan's: growing by doubling.

    Args:
        warmup: Adaptation steps in all.

    Yields:
        First step and the step after the last of each window; none where `warmup` is below 20.
    """
    if warmup < 20:
        return
    first, last, size = 75, 50, 25
    if first + size + last > warmup:
        first, last = int(0.15 * warmup), int(0.1 * warmup)
        size = warmup - first - last
    start, end = first, warmup - last
    while start < end:
        # A window that would leave less than its double behind it takes the rest.
        stop = start + size if start + 3 * size <= end else end
        yield start, stop
        start, size = stop, 2 * size


def shrunk_covariance(draws: Vector, previous: Vector, *, dense: bool) -> Vector:
    """Covariance of a window's draws, shrunk towards the matrix that was used while drawing them.

    Stan shrinks towards a small multiple of the identity, which a short window in many dimensions cannot
    afford: directions without draws would become as narrow as 0.03 and every trajectory as long as allowed.

    Args:
        draws: `s x size` draws, at least two.
        previous: `size x size` inverse mass matrix in use so far; counts as `size` draws.
        dense: Keep the off-diagonal entries.

    Returns:
        `size x size` positive definite matrix.
    """
    count, size = draws.shape
    covariance: Vector = (count * np.atleast_2d(np.cov(draws, rowvar=False)) + size * previous) / (
        count + size
    )
    return covariance if dense else np.diag(np.diag(covariance))


def laplace_start(density: Density, position: Vector, rng: np.random.Generator) -> Start:
    """Climb to a mode and take the mass matrix from the curvature there, so that warm-up starts with short
    trajectories.

    The start is a draw from the Laplace approximation, not the mode, so that several chains start apart.

    Args:
        density: Log density and gradient.
        position: `size` position with a finite density, to climb from.
        rng: Source of randomness.

    Returns:
        A start for a cold chain.
    """

    def descent(z: Vector) -> tuple[float, Vector]:
        value, gradient = density(z)
        # L-BFGS cannot step back from infinity; a large finite value makes its line search do so.
        return (-value, -gradient) if math.isfinite(value) else (1e100, np.zeros_like(z))

    mode = minimize(descent, position, jac=True, method="L-BFGS-B", options={"maxiter": 100}).x
    size, width = len(mode), 1e-4
    at_mode = density(mode)[1].copy()
    curvature = np.empty((size, size))
    for i in range(size):
        moved = mode.copy()
        moved[i] += width
        curvature[i] = (at_mode - density(moved)[1]) / width
    precision, axes = np.linalg.eigh(0.5 * (curvature + curvature.T))
    inverse_mass = (axes / np.clip(precision, _MIN_PRECISION, _MAX_PRECISION)) @ axes.T
    drawn = mode + np.linalg.cholesky(inverse_mass) @ rng.standard_normal(size)
    return Start(drawn if math.isfinite(density(drawn)[0]) else mode, 0.3, inverse_mass)


def sample_chain(
    density: Density,
    start: Start,
    config: NutsConfig,
    rng: np.random.Generator,
    *,
    warm: bool,
) -> Chain:
    """Draw one chain.

    Args:
        density: Log density and gradient of `size` unconstrained parameters.
        start: Where to start, with the step size and mass matrix to start with.
        config: Lengths and adaptation.
        rng: Source of randomness; the same state gives the same chain.
        warm: The start's mass matrix comes from a like posterior: keep it, and adapt the step size over
            `warm_warmup` steps. Otherwise learn both over `warmup` steps.

    Returns:
        The kept draws with the sampler's statistics.
    """
    warmup = config.warm_warmup if warm else config.warmup
    ends = {} if warm else {stop: begin for begin, stop in windows(warmup)}
    z, covariance, step_size = start.position, start.inverse_mass, start.step_size
    whitening = np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)
    averaging = _DualAveraging(config.target_accept, step_size)
    history = np.empty((warmup + config.samples, len(z)))
    point: _Point | None = None
    records: list[tuple[float, float, bool, int, int, float]] = []
    for step in range(warmup + config.samples):
        step_size = averaging.step_size if step < warmup else averaging.average
        trajectory = _Trajectory(density, whitening, step_size, rng)
        momentum = rng.standard_normal(len(z))
        if point is None:
            point = trajectory.point(np.asarray(np.linalg.solve(whitening, z), dtype=np.float64), momentum)
        origin = replace(point, p=momentum)
        tree, depth = trajectory.sample(origin, config.max_tree_depth)
        accept = tree.accept / tree.leapfrogs
        point = tree.proposal
        z = history[step] = point.z
        records.append(
            (tree.proposal.log_density, origin.energy, tree.diverging, depth, tree.leapfrogs, accept)
        )
        if step < warmup:
            averaging.update(accept)
            if step + 1 in ends:
                window = history[ends[step + 1] : step + 1]
                covariance = shrunk_covariance(window, covariance, dense=config.dense_mass)
                whitening, point = np.asarray(np.linalg.cholesky(covariance), dtype=np.float64), None
                averaging = _DualAveraging(config.target_accept, averaging.average)
    columns = [np.asarray(column) for column in zip(*records, strict=True)]
    kept = [column[warmup:] for column in columns]
    return Chain(
        draws=history[warmup:],
        log_density=kept[0],
        energy=kept[1],
        diverging=kept[2],
        depth=kept[3],
        leapfrogs=kept[4],
        accept=kept[5],
        saturated=float((kept[4] == 2**config.max_tree_depth - 1).mean()),
        warmup_leapfrogs=int(columns[4][:warmup].sum()),
        end=Start(z.copy(), averaging.average, covariance),
    )
