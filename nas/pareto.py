"""Pareto fronts and hypervolume of two objectives, both to be maximised."""

import numpy as np
import numpy.typing as npt
import torch
from botorch.utils.multi_objective.hypervolume import Hypervolume
from botorch.utils.multi_objective.pareto import is_non_dominated

from nas.space import Array


def front(objectives: Array) -> npt.NDArray[np.bool_]:
    """Which of n observations no other one dominates; of equal ones, the first.

    Args:
        objectives: `n x m`, to be maximised.

    Returns:
        `n` booleans.
    """
    if not len(objectives):
        return np.zeros(0, dtype=bool)
    mask: npt.NDArray[np.bool_] = is_non_dominated(torch.as_tensor(objectives), deduplicate=True).numpy()
    return mask


def hypervolume(objectives: Array, reference: Array) -> float:
    """The volume that n observations dominate above the reference point.

    Args:
        objectives: `n x m`, to be maximised.
        reference: `m`, the reference point.
    """
    better = objectives[better_than(objectives, reference)]
    if not len(better):
        return 0.0
    return float(Hypervolume(torch.as_tensor(reference)).compute(torch.as_tensor(better[front(better)])))


def hypervolume_trace(objectives: Array, reference: Array) -> Array:
    """The hypervolume after each of n observations, `n`, never decreasing."""
    return np.array([hypervolume(objectives[: end + 1], reference) for end in range(len(objectives))])


def better_than(objectives: Array, reference: Array) -> npt.NDArray[np.bool_]:
    """Which of n observations beat the reference point in every objective, `n` booleans."""
    mask: npt.NDArray[np.bool_] = np.all(objectives > reference, axis=-1)
    return mask
