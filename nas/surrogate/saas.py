"""The fully Bayesian SAAS surrogate: chains for every objective, and what happens if they do not converge.

References:
    Eriksson et al., "Latency-Aware Neural Architecture Search with Multi-Objective Bayesian Optimization",
    ICML AutoML workshop 2021: one GP an objective, 512 warm-up steps, 256 draws, every 16th kept.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from botorch.models.model_list_gp_regression import ModelListGP
from torch import Tensor

from nas.surrogate.chains import ChainTask, Data, estimate, run_chains
from nas.surrogate.diagnostics import FitDiagnostics, diagnose
from nas.surrogate.errors import SurrogateError
from nas.surrogate.map_saas import fit_map_saas
from nas.surrogate.noise import known_noise
from nas.surrogate.nuts import Chain, NutsConfig, Start
from nas.surrogate.saas_model import SaasGP
from nas.surrogate.saas_prior import PRIORS, Vector

logger = logging.getLogger(__name__)

_MAP_TAUS = 8


@dataclass(frozen=True)
class _Fit:
    """One objective's chains and what is known of them."""

    chains: list[Chain]
    diagnostics: FitDiagnostics

    def draws(self, count: int) -> Vector:
        """About so many draws, evenly spaced, `s x size`."""
        draws = np.concatenate([chain.draws for chain in self.chains])
        step = len(draws) // max(1, count)
        return draws[step - 1 :: step]


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
        """See `Surrogate.fit`; the objectives are sampled at once."""
        noises = [known_noise(Yvar, i) for i in range(Y.shape[1])]
        models = [SaasGP(X, Y[:, i : i + 1], noise) for i, noise in enumerate(noises)]
        fits = self._sample([model.data(self._prior) for model in models], seed)
        self.diagnostics = [fit.diagnostics for fit in fits]
        self._ends = [[] if fit.diagnostics.fallback else [chain.end for chain in fit.chains] for fit in fits]
        fitted = []
        for i, (model, fit, noise) in enumerate(zip(models, fits, noises, strict=True)):
            logger.info(fit.diagnostics.line())
            if fit.diagnostics.fallback:
                logger.warning(
                    "The chains of objective %d did not converge twice (R-hat %.2f); "
                    "the MAP-SAAS ensemble models it in this batch.",
                    i,
                    fit.diagnostics.rhat,
                )
                fitted.append(fit_map_saas(X, Y[:, i : i + 1], noise, _MAP_TAUS, seed=seed + i))
            else:
                model.load_draws(
                    fit.draws(self._config.samples * self._chains // self._thinning), self._prior
                )
                fitted.append(model)
        return ModelListGP(*fitted)

    def _sample(self, data: Sequence[Data], seed: int) -> list[_Fit]:
        """Sample every objective, and once more for longer those whose chains did not converge."""
        began = time.perf_counter()
        tasks = [self._tasks(i, one, seed) for i, one in enumerate(data)]
        seconds, memory = estimate([task for group in tasks for task in group])
        logger.info(
            "Fitting %d objectives to %d observations: about %.0f s and %.0f MB, if the chains converge.",
            len(data),
            len(data[0].y),
            seconds,
            memory / 1e6,
        )
        fits = self._attempt(range(len(data)), tasks)
        failed = [i for i, fit in enumerate(fits) if not fit.diagnostics.converged]
        for i in failed:
            logger.info("Fitting again for longer: %s", fits[i].diagnostics.line())
        longer = replace(self._config, warmup=2 * self._config.warmup, samples=2 * self._config.samples)
        again = [[task.again(longer) for task in tasks[i]] for i in failed]
        for i, fit in zip(failed, self._attempt(failed, again), strict=True):
            found = replace(fit.diagnostics, refits=1, fallback=not fit.diagnostics.converged)
            fits[i] = replace(fit, diagnostics=found)
        seconds = time.perf_counter() - began
        return [replace(fit, diagnostics=replace(fit.diagnostics, seconds=seconds)) for fit in fits]

    def _tasks(self, objective: int, data: Data, seed: int) -> list[ChainTask]:
        """One objective's chains, from the last batch's posterior if it is at hand and of this size."""
        ends = self._ends[objective] if self._warm_start and objective < len(self._ends) else []
        usable = len(ends) == self._chains and all(len(end.position) == data.layout.size for end in ends)
        return [
            ChainTask(data, self._config, (seed, objective, 0, k), ends[k] if usable else None)
            for k in range(self._chains)
        ]

    def _attempt(self, objectives: Sequence[int], tasks: Sequence[Sequence[ChainTask]]) -> list[_Fit]:
        chains = iter(run_chains([task for group in tasks for task in group]))
        fits = []
        for objective, group in zip(objectives, tasks, strict=True):
            own, data = [next(chains) for _ in group], group[0].data
            warm = group[0].start is not None
            found = diagnose(own, objective=objective, observations=len(data.y), warm=warm)
            fits.append(_Fit(own, found))
        return fits
