"""Pareto fronts and hypervolume of m objectives, all to be maximised."""

import numpy as np
import numpy.typing as npt

from nas.space import Array


def front(objectives: Array) -> npt.NDArray[np.bool_]:
    """Which of n observations no other one dominates; of equal ones, the first.

    Args:
        objectives: `n x m`, to be maximised.

    Returns:
        `n` booleans.
    """
    mask = np.zeros(len(objectives), dtype=bool)
    # Nothing later in this order dominates anything earlier, so one pass over those kept so far is enough.
    kept = np.empty((0, objectives.shape[1] if objectives.ndim > 1 else 0))
    for index in np.lexsort(-objectives.T[::-1]) if len(objectives) else ():
        if not (kept >= objectives[index]).all(axis=1).any():
            mask[index] = True
            kept = np.vstack([kept, objectives[index]])
    return mask


def hypervolume(objectives: Array, reference: Array) -> float:
    """The volume that n observations dominate above the reference point.

    Args:
        objectives: `n x m`, to be maximised.
        reference: `m`, the reference point.
    """
    better = objectives[better_than(objectives, reference)] - reference
    if not len(better):
        return 0.0
    best = better[front(better)]
    if best.shape[1] > 2:
        # Takes seconds to import, and is the only one here that needs more than a sum.
        import torch
        from botorch.utils.multi_objective.hypervolume import Hypervolume

        origin = torch.zeros(best.shape[1], dtype=torch.float64)
        return float(Hypervolume(origin).compute(torch.as_tensor(best)))
    if best.shape[1] == 1:
        return float(best.max())
    best = best[np.argsort(-best[:, 0])]
    return float(best[:, 0] @ np.diff(best[:, 1], prepend=0.0))


def hypervolume_trace(objectives: Array, reference: Array) -> Array:
    """The hypervolume after each of n observations, `n`, never decreasing."""
    best = np.empty((0, objectives.shape[1]))
    trace = []
    for one in objectives:
        best = np.vstack([best, one])
        best = best[front(best)]
        trace.append(hypervolume(best, reference))
    return np.array(trace)


def better_than(objectives: Array, reference: Array) -> npt.NDArray[np.bool_]:
    """Which of n observations beat the reference point in every objective, `n` booleans."""
    mask: npt.NDArray[np.bool_] = np.all(objectives > reference, axis=-1)
    return mask
