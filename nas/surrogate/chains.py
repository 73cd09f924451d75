"""Sampling many chains: here if that takes moments, otherwise on all cores in processes of their own.

Threads would not do: a chain is thousands of short steps, and two threads spend a third of their time on
handing the interpreter's lock to each other. Nothing that is slow to import belongs here, since every new
process imports it.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, cpu_count, delayed
from threadpoolctl import threadpool_limits

from nas.surrogate.nuts import Chain, NutsConfig, Start, laplace_start, sample_chain
from nas.surrogate.saas_density import SaasDensity
from nas.surrogate.saas_prior import Layout, SaasPrior, Vector

# Starting the processes takes about as long, in seconds.
_WORTH_PROCESSES = 4.0
# Gradients a trajectory takes, for the estimate.
_TYPICAL_LEAPFROGS = 13
# Climbing starts from a moderately noisy and smooth model, around which the starts of several chains lie.
_CLIMB_FROM = {"mean": 0.0, "noise": np.log(0.05), "outputscale": 0.0, "tausq": np.log(0.1), "local": 0.0}


@dataclass(frozen=True)
class Data:
    """What one objective's density is made of, see `SaasDensity`.

    Attributes:
        prior: The hyperparameters' priors.
        X: `n x d` inputs in the unit cube.
        y: `n` standardised observations.
        noise_variance: `n` known noise variances; None: one noise variance is inferred.
    """

    prior: SaasPrior
    X: Vector
    y: Vector
    noise_variance: Vector | None

    @property
    def layout(self) -> Layout:
        """Where each hyperparameter lies in the sampler's vector."""
        return Layout(self.X.shape[1], self.prior.mean_scale is not None, self.noise_variance is None)

    def density(self) -> SaasDensity:
        """The log posterior density."""
        return SaasDensity(self.prior, self.X, self.y, self.noise_variance)


@dataclass(frozen=True)
class ChainTask:
    """One chain that is to be sampled.

    Attributes:
        data: Of the objective.
        config: How long to sample and how to adapt.
        seed: Of all randomness, the objective, the attempt at it and the chain: together the chain's seed.
        start: The end of a like posterior's chain to start from; None: a mode that is climbed to.
    """

    data: Data
    config: NutsConfig
    seed: tuple[int, int, int, int]
    start: Start | None = None

    @property
    def steps(self) -> int:
        """Trajectories in all."""
        return self.config.samples + (self.config.warmup if self.start is None else self.config.warm_warmup)

    def again(self, config: NutsConfig) -> "ChainTask":
        """Another attempt, from a cold start."""
        seed, objective, attempt, chain = self.seed
        return ChainTask(self.data, config, (seed, objective, attempt + 1, chain))

    def run(self) -> Chain:
        """Sample it."""
        density, rng = self.data.density(), np.random.default_rng(self.seed)
        start = self.start
        if start is None or not np.isfinite(density(start.position)[0]):
            start = laplace_start(density, climb_from(density, rng), rng)
        return sample_chain(density, start, self.config, rng, warm=self.start is not None)


def estimate(tasks: Sequence[ChainTask]) -> tuple[float, int]:
    """Seconds that `run_chains` will take, from the time of one gradient, and bytes of work space."""
    density = tasks[0].data.density()
    z = np.full(density.layout.size, -1.0)
    with threadpool_limits(1):
        density(z)  # once for nothing: its memory is touched for the first time
        began = time.perf_counter()
        density(z)
        gradient = time.perf_counter() - began
    steps = sum(task.steps for task in tasks)
    workers = min(len(tasks), cpu_count())
    return gradient * steps * _TYPICAL_LEAPFROGS / workers, len(tasks) * density.memory()


def run_chains(tasks: Sequence[ChainTask]) -> list[Chain]:
    """Sample chains, the same wherever they are sampled.

    Args:
        tasks: The chains; none: nothing is done.

    Returns:
        The chains in the tasks' order.
    """
    workers = min(len(tasks), cpu_count())
    if workers > 1 and estimate(tasks)[0] < _WORTH_PROCESSES:
        workers = 1
    if workers <= 1:
        # At these sizes more threads of LAPACK cost more than they give.
        with threadpool_limits(1):
            return [task.run() for task in tasks]
    chains: list[Chain] = Parallel(workers, backend="loky", inner_max_num_threads=1)(
        delayed(ChainTask.run)(task) for task in tasks
    )
    return chains


def climb_from(density: SaasDensity, rng: np.random.Generator) -> Vector:
    """A random position near a plain model, to climb to a mode from.

    Args:
        density: Of the model.
        rng: Source of randomness.

    Returns:
        `size` unconstrained hyperparameters.
    """
    centre = [_CLIMB_FROM.get(name, _CLIMB_FROM["local"]) for name in density.layout.names()]
    return np.asarray(centre) + rng.uniform(-0.5, 0.5, density.layout.size)
