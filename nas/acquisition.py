"""Which batch to evaluate next: noisy expected hypervolume improvement, point by point.

qLogNEHVI (Daulton et al. 2021, "Parallel Bayesian Optimization of Multiple Noisy Objectives with Expected
Hypervolume Improvement"; Ament et al. 2023 for the logarithmic form). A batch is chosen by sequential greedy:
each point given the ones before it, decoded first, so that what is conditioned on is what will run.
"""

import torch
from botorch.acquisition.multi_objective import logei
from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
from botorch.models.model import Model
from botorch.optim.optimize import optimize_acqf
from botorch.sampling.normal import SobolQMCNormalSampler
from torch import Tensor

from nas.errors import SpaceExhaustedError
from nas.space import Point, Space

MC_SAMPLES = 128
RESTARTS = 2
RAW_SAMPLES = 64
MAX_ITERATIONS = 40
# Local moves tried to leave a point that is already known before a random point is taken.
MOVES = 64

# BoTorch compiles a C++ kernel when the first of these acquisition functions is made: about 45 s, and a
# compiler is needed. Saying that this was tried already selects its Python code, which is fast enough here
# and the same on every machine.
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
        bounds = torch.tensor([[0.0], [1.0]], dtype=torch.float64).expand(2, space.dimension)
        points: list[Point] = []
        for _ in range(count):
            relaxed, _ = optimize_acqf(
                acquisition,
                bounds=bounds,
                q=1,
                num_restarts=RESTARTS,
                raw_samples=RAW_SAMPLES,
                options={"maxiter": MAX_ITERATIONS, "batch_limit": RESTARTS},
            )
            try:
                point = _unknown_near(relaxed, space, known, acquisition)
            except SpaceExhaustedError:
                break
            known.add(space.key(point))
            points.append(point)
            pending = torch.cat([pending, torch.from_numpy(space.encode([point]))])
            acquisition.set_X_pending(pending)
    return points


def _unknown_near(
    relaxed: Tensor,
    space: Space,
    known: set[tuple[object, ...]],
    acquisition: qLogNoisyExpectedHypervolumeImprovement,
) -> Point:
    """The decoded candidate, or if it is known the best of some unknown points around it."""
    point = space.decode(relaxed.numpy())[0]
    if space.key(point) not in known:
        return point
    for scale in (0.1, 0.3, 1.0):
        noise = scale * torch.randn(MOVES, space.dimension, dtype=torch.float64)
        moved = {space.key(p): p for p in space.decode((relaxed + noise).clamp(0, 1).numpy())}
        new = [p for key, p in moved.items() if key not in known]
        if new:
            with torch.no_grad():
                values = acquisition(torch.from_numpy(space.encode(new)).unsqueeze(1))
            return new[int(values.argmax())]
    raise SpaceExhaustedError("every point around the best candidate has been proposed.")
