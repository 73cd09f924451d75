"""The fully Bayesian SAAS surrogate: the sampler, the objectives side by side, and what happens if it fails.

References:
    Eriksson et al., "Latency-Aware Neural Architecture Search with Multi-Objective Bayesian Optimization",
    ICML AutoML workshop 2021: one GP an objective, 512 warm-up steps, 256 draws, every 16th kept.
"""

import logging
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from botorch.models.model_list_gp_regression import ModelListGP
from threadpoolctl import threadpool_limits
from torch import Tensor

from nas.surrogate.diagnostics import FitDiagnostics, diagnose
from nas.surrogate.errors import SurrogateError
from nas.surrogate.map_saas import fit_map_saas
from nas.surrogate.noise import known_noise
from nas.surrogate.nuts import Chain, NutsConfig, Start, laplace_start, sample_chain
from nas.surrogate.saas_density import SaasDensity
from nas.surrogate.saas_model import SaasGP
from nas.surrogate.saas_prior import PRIORS, Vector

logger = logging.getLogger(__name__)

# Climbing starts from a moderately noisy and smooth model, around which the starts of several chains lie.
_CLIMB_FROM = {"mean": 0.0, "noise": np.log(0.05), "outputscale": 0.0, "tausq": np.log(0.1), "local": 0.0}
_MAP_TAUS = 8
# Gradients a step of a chain takes, for the estimate in the log.
_TYPICAL_LEAPFROGS = 13


@dataclass(frozen=True)
class _Fit:
    draws: Vector
    diagnostics: FitDiagnostics
    ends: list[Start]


class SaasSurrogate:
    """Independent SAAS GPs, one an objective, each an ensemble over draws from its hyperparameters'
    posterior.

    A fit that does not converge is repeated from a cold start with twice the warm-up and draws; if that fails
    too the objective gets a MAP-SAAS ensemble, with a warning.

    Args:
        prior: `botorch` or `paper`, see `PRIORS`.
        warmup: Adaptation steps of a cold start.
        warm_warmup: Adaptation steps where the last batch's posterior is at hand.
        samples: Draws over all chains, after warm-up.
        thinning: Every how many draws one is kept; `samples / thinning` members make the ensemble.
        chains: Independent chains an objective; each is warmed up.
        max_tree_depth: Doublings of a trajectory at most.
        warm_start: Start from the last fit's posterior where there is one. Fits then depend on the ones
            before.

    Attributes:
        diagnostics: Of the last fit, one an objective.

    Raises:
        SurrogateError: If a setting is not usable.
    """

    def __init__(
        self,
        prior: str = "botorch",
        warmup: int = 512,
        warm_warmup: int = 64,
        samples: int = 256,
        thinning: int = 16,
        chains: int = 1,
        max_tree_depth: int = 6,
        warm_start: bool = True,
    ) -> None:
        if prior not in PRIORS:
            raise SurrogateError(f"The prior {prior!r} is not known; choose one of: {', '.join(PRIORS)}.")
        if min(warmup, warm_warmup, thinning, chains, max_tree_depth) < 1 or samples < 8 * chains:
            raise SurrogateError(
                "warmup, warm_warmup, thinning, chains and max_tree_depth must be at least 1, "
                "and samples at least 8 a chain."
            )
        self._prior = PRIORS[prior]
        self._config = NutsConfig(warmup, warm_warmup, samples // chains, max_tree_depth)
        self._thinning = thinning
        self._chains = chains
        self._warm_start = warm_start
        self._ends: list[list[Start]] = []
        self.diagnostics: Sequence[FitDiagnostics] = ()

    def fit(self, X: Tensor, Y: Tensor, Yvar: Tensor | None = None, *, seed: int) -> ModelListGP:
        """See `Surrogate.fit`; the objectives are sampled at once, one thread each."""
        columns = [slice(i, i + 1) for i in range(Y.shape[1])]
        models = [SaasGP(X, Y[:, c], known_noise(Yvar, i)) for i, c in enumerate(columns)]
        densities = [model.density(self._prior) for model in models]
        # A thread of LAPACK each: at these sizes more threads cost more than they give.
        workers = min(len(models), os.cpu_count() or 1)
        with threadpool_limits(1), ThreadPoolExecutor(workers) as pool:
            self._log_estimate(densities, workers)
            fits = list(pool.map(lambda i: self._fit_one(i, densities[i], len(X), seed), range(len(models))))
        self._ends = [fit.ends for fit in fits]
        self.diagnostics = [fit.diagnostics for fit in fits]
        fitted = []
        for i, (model, fit, column) in enumerate(zip(models, fits, columns, strict=True)):
            logger.info(fit.diagnostics.line())
            if fit.diagnostics.fallback:
                logger.warning(
                    "The chains of objective %d did not converge twice (R-hat %.2f); "
                    "the MAP-SAAS ensemble models it in this batch.",
                    i,
                    fit.diagnostics.rhat,
                )
                noise = known_noise(Yvar, i)
                fitted.append(fit_map_saas(X, Y[:, column], noise, _MAP_TAUS, seed=seed + i))
            else:
                model.load_draws(fit.draws, self._prior)
                fitted.append(model)
        return ModelListGP(*fitted)

    def _log_estimate(self, densities: Sequence[SaasDensity], workers: int) -> None:
        """Say how long the fits will take, by timing one gradient, and how much memory they need."""
        for density in densities:  # once for nothing: its memory is touched for the first time
            density(np.full(density.layout.size, -1.0))
        began = time.perf_counter()
        for density in densities:
            density(np.full(density.layout.size, -1.0))
        warm = self._warm_start and bool(self._ends)
        steps = (self._config.warm_warmup if warm else self._config.warmup) + self._config.samples
        seconds = (time.perf_counter() - began) * steps * self._chains * _TYPICAL_LEAPFROGS / workers
        logger.info(
            "Fitting %d objectives to %d observations: about %.0f s and %.0f MB, if the chains converge.",
            len(densities),
            densities[0].observations,
            seconds,
            sum(density.memory() for density in densities) / 1e6,
        )

    def _fit_one(self, objective: int, density: SaasDensity, observations: int, seed: int) -> _Fit:
        began = time.perf_counter()
        ends = self._ends[objective] if self._warm_start and objective < len(self._ends) else []
        usable = [end for end in ends if len(end.position) == density.layout.size]
        chains = self._sample(density, usable, self._config, (seed, objective, 0))
        found = diagnose(chains, objective=objective, observations=observations, warm=bool(usable))
        if not found.converged:
            logger.info("Fitting again for longer: %s", found.line())
            longer = replace(self._config, warmup=2 * self._config.warmup, samples=2 * self._config.samples)
            chains = self._sample(density, [], longer, (seed, objective, 1))
            found = diagnose(chains, objective=objective, observations=observations, warm=False)
            found = replace(found, refits=1, fallback=not found.converged)
        draws = np.concatenate([chain.draws for chain in chains])
        step = len(draws) // max(1, self._config.samples * self._chains // self._thinning)
        return _Fit(
            draws=draws[step - 1 :: step],
            diagnostics=replace(found, seconds=time.perf_counter() - began),
            ends=[] if found.fallback else [chain.end for chain in chains],
        )

    def _sample(
        self, density: SaasDensity, ends: list[Start], config: NutsConfig, seed: tuple[int, int, int]
    ) -> list[Chain]:
        chains = []
        for k in range(self._chains):
            rng = np.random.default_rng([*seed, k])
            start = ends[k] if ends else laplace_start(density, climb_from(density, rng), rng)
            if not np.isfinite(density(start.position)[0]):
                start = laplace_start(density, climb_from(density, rng), rng)
            chains.append(sample_chain(density, start, config, rng, warm=bool(ends)))
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
