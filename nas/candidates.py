"""Which batch to evaluate next: noisy expected hypervolume improvement, point by point.

A batch is chosen by sequential greedy: each point given the ones before it, decoded first, so that what is
conditioned on is what will run.

Where little is known the acquisition function is largest in the cube's corners, far from all points. So a
point is looked for in a trust region, a box around a point on the front or one chosen before (after Eriksson
et al. 2019, "Scalable Global Optimization via Local Bayesian Optimization", and, for several objectives,
Daulton et al. 2022, "Multi-Objective Bayesian Optimization over High-Dimensional Search Spaces"). Its
centre is drawn by chance, which spreads a batch.

A point is found in four steps: gradient ascent from several starts with every parameter taken as continuous;
decoding; in the space as it is, turns of steepest ascent over the neighbours in the discrete parameters and
gradient ascent in the continuous ones, as long as either helps; and parameters that the acquisition function
is indifferent to take an observed point's values. A SAAS surrogate sees no effect in most parameters until
many trials have shown it, and would otherwise leave each of them where its start happened to be: many small
losses that nobody has predicted. Liu et al. 2023, "Sparse Bayesian Optimization", penalise such differences.
"""

import logging
import warnings
from collections.abc import Collection, Hashable, Mapping, Sequence

import torch
from botorch.exceptions.warnings import OptimizationWarning
from botorch.generation.gen import gen_candidates_scipy
from botorch.utils.sampling import draw_sobol_samples
from torch import Tensor

from nas.acquisition import LogNoisyExpectedHypervolumeImprovement, LogWeight
from nas.space import Point, Space, Value
from nas.surrogate.posterior import Posterior
from nas.threads import fastest_threads, torch_threads

logger = logging.getLogger(__name__)

RESTARTS = 4
# Random points, half of them Sobol points and half around observed points, of which the best are starts.
RAW_SAMPLES = 256
# Spread around an observed point, and how many columns move on average.
LOCAL_SCALE = 0.2
LOCAL_COLUMNS = 8
MAX_ITERATIONS = 40
# Relative gain in the logarithm below which the ascent ends: decoding and the next point change more.
TOLERANCE = 1e-4
# Turns of discrete and continuous ascent, and discrete moves in one turn.
TURNS = 3
MOVES = 10
# The best so many single steps of a turn are also tried together.
JOINED = 8
# Decoding rounds, so points leave a trust region by as much.
ROUNDING = 1e-3
# Random points around a known candidate that are tried at each distance before it is given up.
ESCAPES = 64
# Values, which are logarithms, that differ by less count as equal: a hundredth of the improvement.
INDIFFERENT = 1e-2
# How many observed points on the front, the nearest ones, give their values to indifferent parameters.
ANCHORS = 8
# What one point of a batch takes, in gradients at all starts: for the estimate in the log.
TYPICAL_GRADIENTS = 60


def choose_batch(
    posterior: Posterior,
    space: Space,
    *,
    pending: Tensor,
    known: Collection[Hashable],
    reference: Tensor,
    constraints: int = 0,
    count: int,
    seed: int,
    log_weights: Sequence[LogWeight] = (),
    trust_region: float | None = None,
) -> list[Point]:
    """Chooses a batch.

    Args:
        posterior: Of a fit to the observations: objectives to be maximised, then constraints.
        space: The search space, of d unit-cube columns.
        pending: `p x d`, points that are being evaluated; p may be 0.
        known: Keys, as `Space.key` gives them, of the points that must not be chosen.
        reference: The reference point, one value an objective, in the posterior's units.
        constraints: How many of the posterior's last columns are constraints.
        count: Size q of the batch.
        seed: Seed of all randomness.
        log_weights: See `LogNoisyExpectedHypervolumeImprovement`.
        trust_region: How far in any column, above 0, each point is looked for from one, drawn by chance, that
            may lie on the front or is pending; single steps of its discrete parameters are near enough in any
            case, and indifferent parameters may take another observed point's values. None, or where no
            point may lie on the front: it is looked for everywhere.

    Returns:
        q points, none of them known or repeated; fewer if the space has no more.
    """
    known = set(known)
    points: list[Point] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        acquisition = LogNoisyExpectedHypervolumeImprovement(
            posterior,
            reference,
            pending=pending,
            constraints=constraints,
            batch=count,
            seed=seed,
            log_weights=log_weights,
        )
        with torch_threads(_choose_threads(acquisition, space.dimension, count)):
            for _ in range(count):
                point = _Candidate(acquisition, space, known, trust_region).find()
                if point is None:
                    break
                known.add(space.key(point))
                points.append(point)
                acquisition.add_pending(torch.from_numpy(space.encode([point]))[0])
    return points


def _choose_threads(acquisition: LogNoisyExpectedHypervolumeImprovement, dimension: int, count: int) -> int:
    """Find the fastest number of threads, and say how long choosing the batch will take and in how much
    memory.
    """
    X = torch.rand(RESTARTS, 1, dimension, dtype=torch.float64, requires_grad=True)
    threads, seconds = fastest_threads(lambda: torch.autograd.grad(acquisition(X).sum(), X))
    logger.info(
        "Choosing %d points: about %.0f s and %.0f MB, with %d thread%s.",
        count,
        seconds * TYPICAL_GRADIENTS * count,
        acquisition.memory(count) / 1e6,
        threads,
        "s" * (threads > 1),
    )
    return threads


class _Candidate:
    """The search for one point of a batch.

    Args:
        acquisition: What to maximise.
        space: The search space.
        known: Keys of the points that must not be chosen.
        trust_region: See `choose_batch`.
    """

    def __init__(
        self,
        acquisition: LogNoisyExpectedHypervolumeImprovement,
        space: Space,
        known: set[Hashable],
        trust_region: float | None,
    ) -> None:
        self._acquisition = acquisition
        self._space = space
        self._known = known
        # Where to look around.
        self._centres = acquisition.candidates_on_front()
        self._bounds = torch.tensor([[0.0], [1.0]], dtype=torch.float64).expand(2, space.dimension)
        if trust_region is not None and len(self._centres):
            self._centres = self._centres[torch.randint(len(self._centres), (1,))]
            self._bounds = self._around(trust_region)
        self._discrete = [
            column
            for parameter, columns in zip(space.parameters, space.columns(), strict=True)
            if parameter.size is not None
            for column in range(columns.start, columns.stop)
        ]

    def find(self) -> Point | None:
        """The best point found; None if every point around the relaxed optimum is known."""
        relaxed = self._uphill(self._starts(), MAX_ITERATIONS, {})
        start = self._space.decode(relaxed.numpy())[0]
        if self._space.key(start) in self._known:
            escape = self._escape(relaxed)
            if escape is None:
                return None
            start = escape
        point, value = start, float(self._values([start]))
        for _ in range(TURNS):
            before = value
            point, value = self._climb(point, value)
            point, value = self._ascend(point, value)
            if value - before < INDIFFERENT:
                break
        return self._settle(point, value)

    def _around(self, width: float) -> Tensor:
        """The box around the one centre, `2 x d`, that holds its single steps."""
        (centre,) = self._space.decode(self._centres.numpy())
        _, steps = self._steps(centre)
        corners = torch.cat([self._centres - width, self._centres + width, steps])
        return torch.stack([corners.amin(dim=0), corners.amax(dim=0)]).clamp(0, 1)

    def _uphill(self, starts: Tensor, iterations: int, held: dict[int, float]) -> Tensor:
        """The best point that L-BFGS reaches from `s x 1 x d` starts, some columns held; `1 x d`."""
        with warnings.catch_warnings():
            # A line search that ends early has still improved on its start.
            warnings.simplefilter("ignore", OptimizationWarning)
            moved, values = gen_candidates_scipy(
                starts.clamp(*self._bounds),
                self._acquisition,  # type: ignore[arg-type]  # it is only called
                lower_bounds=self._bounds[0],
                upper_bounds=self._bounds[1],
                options={"maxiter": iterations, "ftol": TOLERANCE, "factr": None},
                fixed_features=held,
            )
        best: Tensor = moved[values.argmax()]
        return best

    def _starts(self) -> Tensor:
        """The best of many random points, `RESTARTS x 1 x d`."""
        d, half = self._space.dimension, RAW_SAMPLES // 2
        seed = int(torch.randint(2**31, ()))
        anywhere = draw_sobol_samples(self._bounds, n=half, q=1, seed=seed).squeeze(1)
        centres = self._centres
        around = centres[torch.randint(len(centres), (half,))] if len(centres) else anywhere
        moved = torch.rand_like(around) < LOCAL_COLUMNS / d
        around = (around + LOCAL_SCALE * torch.randn_like(around) * moved).clamp(*self._bounds)
        raw = torch.cat([anywhere, around])
        return raw[self._at(raw).topk(RESTARTS).indices].unsqueeze(1)

    def _at(self, units: Tensor) -> Tensor:
        """The acquisition function at `p x d` coordinates, `p`, without a gradient."""
        with torch.no_grad():
            values: Tensor = self._acquisition(units.unsqueeze(1))
        return values

    def _values(self, points: list[Point]) -> Tensor:
        """The acquisition function at p points, `p`."""
        return self._at(torch.from_numpy(self._space.encode(points)))

    def _moved(self, point: Point, changes: Mapping[str, Value]) -> Point:
        return self._space.canonical(point | dict(changes))

    def _new(self, points: list[Point]) -> list[Point]:
        unique = {self._space.key(point): point for point in points}
        return [point for key, point in unique.items() if key not in self._known]

    def _steps(self, point: Point) -> tuple[list[tuple[str, Value]], Tensor]:
        """The `s` single steps from a point inside the bounds, a parameter and its new value each, and where
        they lead, `s x d`.
        """
        steps = self._space.neighbours(point)
        units = torch.from_numpy(
            self._space.encode([self._moved(point, {name: value}) for name, value in steps])
        )
        low, high = self._bounds
        inside = ((units > low - ROUNDING) & (units < high + ROUNDING)).all(dim=1)
        return [step for step, kept in zip(steps, inside.tolist(), strict=True) if kept], units[inside]

    def _climb(self, point: Point, value: float) -> tuple[Point, float]:
        """Ascent over single steps of the discrete parameters, and several that help each at once."""
        for _ in range(MOVES):
            steps, units = self._steps(point)
            if not steps:
                break
            values = self._at(units)
            order = [i for i in values.argsort(descending=True).tolist() if float(values[i]) > value]
            joined, joint = [], dict[str, Value]()
            for name, other in (steps[i] for i in order[:JOINED]):
                joint.setdefault(name, other)
                joined.append(self._moved(point, joint))
            moves = self._new(joined)  # the first of them is the best single step
            if not moves:
                break
            values = self._values(moves)
            best = int(values.argmax())
            if float(values[best]) <= value:
                break
            point, value = moves[best], float(values[best])
        return point, value

    def _ascend(self, point: Point, value: float) -> tuple[Point, float]:
        """Gradient ascent in the continuous parameters, the discrete ones held."""
        if len(self._discrete) == self._space.dimension:
            return point, value
        start = torch.from_numpy(self._space.encode([point]))
        held = {column: float(start[0, column]) for column in self._discrete}
        moved = self._uphill(start.unsqueeze(0), MAX_ITERATIONS // 2, held)
        other = self._new(self._space.decode(moved.numpy()))
        if not other:
            return point, value
        better = float(self._values(other))
        return (other[0], better) if better > value else (point, value)

    def _settle(self, point: Point, value: float) -> Point:
        """The point with the fewest differences from an observed one on the front that is hardly worse."""
        anchors = self._acquisition.baseline
        distances = (anchors - torch.from_numpy(self._space.encode([point]))).square().sum(dim=1)
        nearest = anchors[distances.argsort()[:ANCHORS]]
        best, fewest = point, self._space.dimension
        for anchor in self._space.decode(nearest.numpy()):
            # What only one of the two has is decided by a parameter that both have.
            shared = [name for name in self._space.names if name in point and name in anchor]
            names = [name for name in shared if point[name] != anchor[name]]
            # Those that matter least are given up first, as many as together may be.
            losses = -self._values([self._moved(point, {name: anchor[name]}) for name in names])
            order = [names[i] for i in losses.argsort().tolist()]
            settled = [
                self._moved(point, {name: anchor[name] for name in order[:count]})
                for count in range(1, len(order))
            ]
            for other in reversed(self._hardly_worse(settled, value)):
                differences = sum(other.get(name) != anchor[name] for name in names)
                if differences < fewest and self._space.key(other) not in self._known:
                    best, fewest = other, differences
                    break
        return best

    def _hardly_worse(self, points: list[Point], value: float) -> list[Point]:
        values = self._values(points).tolist() if points else []
        return [point for point, own in zip(points, values, strict=True) if own >= value - INDIFFERENT]

    def _escape(self, relaxed: Tensor) -> Point | None:
        """The best of some unknown points around a known one."""
        for scale in (0.1, 0.3, 1.0):
            noise = scale * torch.randn(ESCAPES, self._space.dimension, dtype=torch.float64)
            new = self._new(self._space.decode((relaxed + noise).clamp(0, 1).numpy()))
            if new:
                return new[int(self._values(new).argmax())]
        return None
