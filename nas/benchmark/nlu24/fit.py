"""Fitting the surrogate to runs: MAP Gaussian processes, whose kernels are chosen by `GpSurrogate`."""

import math
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.linalg import cho_factor, cho_solve

from nas.benchmark.nlu24.data import EXACT_MATCH, LATENCY, SECONDS
from nas.benchmark.nlu24.surrogate import DIVERGED, FAILED, Model, Surrogate, logit
from nas.benchmark.nlu24.table import Run, pass_name, trainings
from nas.space import Array, Space
from nas.study import REFERENCE, SOBOL
from nas.surrogate.gp import GpSurrogate
from nas.surrogate.observations import Observations

# A kernel is chosen by so many runs, as the time for it grows with their third power; means are of all.
_KERNEL_RUNS = 600
# So many standard errors of a gain are more than chance.
_SURE = 2.0
# Repeated trainings say more of the noise than a surrogate once there are so many degrees of freedom.
ENOUGH_REPEATS = 20


@dataclass(frozen=True)
class Repeated:
    """What trainings of the same point with several seeds say of the noise.

    Attributes:
        deviation: Pooled standard deviation on the scale of the model; NaN without freedom.
        freedom: Its degrees of freedom.
    """

    deviation: float
    freedom: int


def fit(space: Space, runs: Sequence[Run], *, passes: int, table: str, version: str) -> Surrogate:
    """Fits all models; the noise is what the Gaussian processes make of the runs.

    Args:
        space: Of the runs.
        runs: What the means are fitted to; at least two that succeeded.
        passes: After how many passes the exact match is modelled; 1: only after the last one.
        table: SHA-256 of the table.
        version: Of the data.
    """
    trained = trainings(space, [run for run in runs if run.succeeded])
    ended = [run for run in runs if run.failure is None]
    timed = [run for run in ended if run.metrics.get(SECONDS, 0.0) > 0]
    failed = np.array([[run.failure is not None] for run in runs], dtype=np.float64)
    diverged = np.array([[run.diverged] for run in ended], dtype=np.float64)
    fitted = {
        EXACT_MATCH: _fit(space, trained, exact_matches(trained, passes)),
        LATENCY: _fit(space, ended, targets(ended, LATENCY)),
        SECONDS: _fit(space, timed, targets(timed, SECONDS)),
        FAILED: _fit(space, runs, failed, doubted=True),
        DIVERGED: _fit(space, ended, diverged, doubted=True),
    }
    noise = {name: deviation for name, (_, deviation) in fitted.items()}
    shares = [
        run.metrics[f"{LATENCY}_se"] / run.metrics[LATENCY] for run in ended if f"{LATENCY}_se" in run.metrics
    ]
    return Surrogate(
        models={name: model for name, (model, _) in fitted.items()},
        noise=noise,
        latency_se=float(np.median(shares)) if shares else noise[LATENCY],
        diverged=np.array([run.metrics[EXACT_MATCH] for run in ended if run.diverged] or [0.0]),
        table=table,
        version=version,
    )


def exact_matches(runs: Sequence[Run], passes: int) -> Array:
    """Logits of the exact matches after each pass, `n x passes`; of one, after the last."""
    names = [pass_name(number) for number in range(1, passes + 1)] if passes > 1 else [EXACT_MATCH]
    found = np.array([[run.metrics[name] for name in names] for run in runs]).reshape(len(runs), len(names))
    return logit(found)


def targets(runs: Sequence[Run], name: str) -> Array:
    """A metric of n runs on the scale on which it is modelled, `n x 1`."""
    if name == EXACT_MATCH:
        return exact_matches(runs, 1)
    return np.asarray(np.log([[run.metrics[name]] for run in runs])).reshape(len(runs), 1)


def _fit(space: Space, runs: Sequence[Run], Z: Array, *, doubted: bool = False) -> tuple[Model, float]:
    """A model of `n x p` values, and the standard deviation of their noise.

    Args:
        space: Of the runs.
        runs: Of which they are values.
        Z: The values; the kernel is chosen by the last column.
        doubted: Whether the values may be a matter of chance alone: then their mean is the model, unless the
            other runs surely predict each of them better.
    """
    chosen_by = Z[:, -1]
    if len(runs) < 2 or float(np.ptp(chosen_by)) == 0.0:
        return _constant(space, Z)
    X = space.encode([run.point for run in runs])
    rows = np.random.default_rng(0).permutation(len(X))[:_KERNEL_RUNS]
    observations = Observations(torch.from_numpy(X[rows]), torch.from_numpy(chosen_by[rows, None].copy()))
    (members,) = GpSurrogate().fit(observations, seed=0).members
    lengthscale = members.lengthscale[0].numpy()
    noise = float(members.noise[0, 0])
    offset = Z.mean(axis=0)
    inputs = torch.from_numpy(X)
    covariance = members.kernel(inputs, inputs)[0].numpy() + noise * np.eye(len(X))
    factor = cho_factor(covariance, lower=True)
    solved = cho_solve(factor, Z - offset)
    if doubted:
        # Rasmussen and Williams 2006, equation 5.12.
        left_out = solved / cho_solve(factor, np.eye(len(X))).diagonal()[:, None]
        gain = (Z - offset) ** 2 - left_out**2
        if gain.mean() <= _SURE * gain.std() / math.sqrt(len(X)):
            return _constant(space, Z)
    weights = float(members.outputscale[0]) * solved
    return Model(X, lengthscale, weights, offset), math.sqrt(noise) * members.scale


def _constant(space: Space, Z: Array) -> tuple[Model, float]:
    """The mean of what there is, everywhere; 0 of nothing."""
    d, p = space.dimension, Z.shape[1]
    offset, deviation = (Z.mean(axis=0), float(Z[:, -1].std())) if len(Z) else (np.zeros(p), 0.0)
    return Model(np.full((1, d), 0.5), np.ones(d), np.zeros((1, p)), offset), deviation


def repeated_noise(space: Space, runs: Sequence[Run]) -> dict[str, Repeated]:
    """The noise of exact match, latency and seconds among trainings of the same point with other seeds.

    A trial that was repeated for its good result does not count, nor does what a strategy proposed, perhaps
    for a good result at the same point: of many results the best is too good. Repetitions do.
    """
    chosen = {(run.study, run.repeats) for run in runs}
    cells: dict[tuple[Hashable, ...], list[Run]] = defaultdict(list)
    for run in runs:
        by_chance = run.origin == SOBOL and (run.study, run.number) not in chosen
        if run.succeeded and (by_chance or run.repeats is not None or run.origin == REFERENCE):
            cells[space.key(run.point)].append(run)
    found = {}
    for name in (EXACT_MATCH, LATENCY, SECONDS):
        squares, freedom = 0.0, 0
        for cell in cells.values():
            seeded = [run for run in cell if run.training_seed is not None]
            counted = trainings(space, seeded) if name == EXACT_MATCH else cell
            values = targets([run for run in counted if name in run.metrics], name)
            if len(values) > 1:
                squares += float(((values - values.mean()) ** 2).sum())
                freedom += len(values) - 1
        found[name] = Repeated(math.sqrt(squares / freedom) if freedom else math.nan, freedom)
    return found


def with_repeated_noise(surrogate: Surrogate, found: Mapping[str, Repeated]) -> Surrogate:
    """The surrogate with the noise of repeated trainings, where there are enough of them."""
    told = {name: one.deviation for name, one in found.items() if one.freedom >= ENOUGH_REPEATS}
    return replace(surrogate, noise={**surrogate.noise, **told})
