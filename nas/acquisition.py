"""Which batch to evaluate next: noisy expected hypervolume improvement, point by point.

qLogNEHVI (Daulton et al. 2021, "Parallel Bayesian Optimization of Multiple Noisy Objectives with Expected
Hypervolume Improvement"; Ament et al. 2023 for the logarithmic form). A batch is chosen by sequential greedy:
each point given the ones before it, decoded first, so that what is conditioned on is what will run.

A point is found in three steps: gradient ascent from several starts with every parameter taken as continuous;
decoding; then, in the space as it is, turns of steepest ascent over the neighbours in the discrete parameters
and gradient ascent in the continuous ones, as long as either helps.
"""

import torch
from botorch.acquisition.multi_objective import logei
from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
from botorch.models.model import Model
from botorch.optim.optimize import optimize_acqf
from botorch.sampling.normal import SobolQMCNormalSampler
from torch import Tensor

from nas.space import Point, Space

MC_SAMPLES = 128
RESTARTS = 2
RAW_SAMPLES = 64
MAX_ITERATIONS = 40
# Turns of discrete and continuous ascent, and discrete moves in one turn.
TURNS = 3
MOVES = 10
# Random points around a known candidate that are tried at each distance before it is given up.
ESCAPES = 64

# BoTorch compiles a C++ kernel when the first such acquisition function is made: about 45 s, with a compiler.
# Saying that this was tried already selects its Python code, fast enough here and the same on every machine.
logei._load_attempted = True


def suggest_batch(
    model: Model,
    space: Space,
    *,
    X_baseline: Tensor,
    X_pending: Tensor | None,
    reference: Tensor,
    count: int,
    seed: int,
) -> list[Point]:
    """Chooses a batch.

    Args:
        model: Fitted to the observations, objectives to be maximised.
        space: The search space, of d unit-cube columns.
        X_baseline: `n x d`, the observed points.
        X_pending: `p x d`, points that are being evaluated; None: none.
        reference: `m`, the reference point of the hypervolume.
        count: Size q of the batch.
        seed: Seed of all randomness.

    Returns:
        q points, none of them observed, pending or repeated; fewer if the space has no more.
    """
    pending = X_baseline[:0] if X_pending is None else X_pending
    known = {space.key(point) for point in space.decode(torch.cat([X_baseline, pending]).numpy())}
    points: list[Point] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        acquisition = qLogNoisyExpectedHypervolumeImprovement(
            model=model,
            ref_point=reference,
            X_baseline=X_baseline,
            sampler=SobolQMCNormalSampler(torch.Size([MC_SAMPLES]), seed=seed),
            prune_baseline=True,
            X_pending=pending if len(pending) else None,
        )
        for _ in range(count):
            candidate = _Candidate(acquisition, space, known)
            point = candidate.find()
            if point is None:
                break
            known.add(space.key(point))
            points.append(point)
            pending = torch.cat([pending, torch.from_numpy(space.encode([point]))])
            acquisition.set_X_pending(pending)
    return points


class _Candidate:
    """The search for one point of a batch.

    Args:
        acquisition: What to maximise.
        space: The search space.
        known: Keys of the points that must not be chosen.
    """

    def __init__(
        self,
        acquisition: qLogNoisyExpectedHypervolumeImprovement,
        space: Space,
        known: set[tuple[object, ...]],
    ) -> None:
        self._acquisition = acquisition
        self._space = space
        self._known = known
        self._bounds = torch.tensor([[0.0], [1.0]], dtype=torch.float64).expand(2, space.dimension)
        self._discrete = [
            column
            for parameter, columns in zip(space.parameters, space.columns(), strict=True)
            if parameter.size is not None
            for column in range(columns.start, columns.stop)
        ]

    def find(self) -> Point | None:
        """The best point found; None if every point around the relaxed optimum is known."""
        relaxed, _ = optimize_acqf(
            self._acquisition,
            bounds=self._bounds,
            q=1,
            num_restarts=RESTARTS,
            raw_samples=RAW_SAMPLES,
            options={"maxiter": MAX_ITERATIONS, "batch_limit": RESTARTS},
        )
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
            if value - before < 1e-3:  # the value is a logarithm: a thousandth of the improvement
                break
        return point

    def _values(self, points: list[Point]) -> Tensor:
        """The acquisition function at p points, `p`."""
        with torch.no_grad():
            values: Tensor = self._acquisition(torch.from_numpy(self._space.encode(points)).unsqueeze(1))
        return values

    def _new(self, points: list[Point]) -> list[Point]:
        unique = {self._space.key(point): point for point in points}
        return [point for key, point in unique.items() if key not in self._known]

    def _climb(self, point: Point, value: float) -> tuple[Point, float]:
        """Steepest ascent over single steps of the discrete parameters."""
        for _ in range(MOVES):
            moves = self._new(
                [
                    point | {parameter.name: other}
                    for parameter in self._space.parameters
                    for other in parameter.neighbours(point[parameter.name])
                ]
            )
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
        moved, _ = optimize_acqf(
            self._acquisition,
            bounds=self._bounds,
            q=1,
            num_restarts=1,
            batch_initial_conditions=start.unsqueeze(0),
            fixed_features={column: float(start[0, column]) for column in self._discrete},
            options={"maxiter": MAX_ITERATIONS},
        )
        other = self._new(self._space.decode(moved.numpy()))
        if not other:
            return point, value
        better = float(self._values(other))
        return (other[0], better) if better > value else (point, value)

    def _escape(self, relaxed: Tensor) -> Point | None:
        """The best of some unknown points around a known one."""
        for scale in (0.1, 0.3, 1.0):
            noise = scale * torch.randn(ESCAPES, self._space.dimension, dtype=torch.float64)
            new = self._new(self._space.decode((relaxed + noise).clamp(0, 1).numpy()))
            if new:
                return new[int(self._values(new).argmax())]
        return None
