"""A lean No-U-Turn sampler for one expensive density: numpy, no automatic differentiation, warm start.

Trajectories are those of `nas.surrogate.trajectory`, the step size is found by dual averaging, and the mass
matrix is learnt in growing windows. The sampler works in whitened coordinates `u` with `z = L u`, `L L'`
being the inverse mass matrix, so that every trajectory has a unit mass matrix.

References:
    Hoffman and Gelman, "The No-U-Turn Sampler", JMLR 2014 (dual averaging, equation 6).
    Stan reference manual, "MCMC sampling" (windows).
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from nas.surrogate.trajectory import Density, State, Trajectory, Vector

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
    point: State | None = None
    records: list[tuple[float, float, bool, int, int, float]] = []
    for step in range(warmup + config.samples):
        step_size = averaging.step_size if step < warmup else averaging.average
        trajectory = Trajectory(density, whitening, step_size, rng)
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
