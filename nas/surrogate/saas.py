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
import torch

from nas.surrogate import State
from nas.surrogate.chains import ChainTask, Data, estimate, run_chains
from nas.surrogate.diagnostics import FitDiagnostics, diagnose
from nas.surrogate.errors import SurrogateError
from nas.surrogate.map_saas import fit_map_saas
from nas.surrogate.nuts import Chain, NutsConfig, Start
from nas.surrogate.observations import Observations, Standardised, standardise
from nas.surrogate.posterior import Members, Posterior
from nas.surrogate.saas_prior import PRIORS, Vector
from paretoparse.checks import COUNT, check_switches

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
        warm_start: Start from the posterior whose state is given, if one is.

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
        if not isinstance(prior, str) or prior not in PRIORS:
            raise SurrogateError(f"The prior {prior!r} is not known; choose one of: {', '.join(PRIORS)}.")
        counts = {
            "warmup": warmup,
            "warm_warmup": warm_warmup,
            "samples": samples,
            "thinning": thinning,
            "chains": chains,
            "max_tree_depth": max_tree_depth,
        }
        for name, count in counts.items():
            COUNT.check(name, count, SurrogateError)
        check_switches({"warm_start": warm_start}, SurrogateError)
        if samples < 8 * chains:
            raise SurrogateError(f"samples={samples} are too few: they must be at least 8 a chain.")
        self._prior = PRIORS[prior]
        self._config = NutsConfig(warmup, warm_warmup, samples // chains, max_tree_depth)
        self._thinning = thinning
        self._chains = chains
        self._warm_start = warm_start

    def fit(self, observations: Observations, *, seed: int, start: State | None = None) -> Posterior:
        """See `Surrogate.fit`; the columns are sampled at once. The state is where the chains ended."""
        columns = [standardise(*observations.column(i)) for i in range(observations.Y.shape[1])]
        data = [self._data(observations, column) for column in columns]
        fits = self._sample(data, seed, _starts(start, len(data)) if self._warm_start else [[] for _ in data])
        members = []
        for i, (one, column, fit) in enumerate(zip(data, columns, fits, strict=True)):
            logger.info(fit.diagnostics.line())
            if fit.diagnostics.fallback:
                logger.warning(
                    "The chains of objective %d did not converge twice (R-hat %.2f); "
                    "the MAP-SAAS ensemble models it in this batch.",
                    i,
                    fit.diagnostics.rhat,
                )
                members.append(fit_map_saas(observations, i, _MAP_TAUS, seed=seed + i))
            else:
                draws = fit.draws(self._config.samples * self._chains // self._thinning)
                members.append(_members(one, column, draws))
        return Posterior(tuple(members), tuple(fit.diagnostics for fit in fits), _state(fits))

    def _data(self, observations: Observations, column: Standardised) -> Data:
        noise = None if column.noise is None else column.noise.clamp_min(self._prior.noise_floor).numpy()
        return Data(self._prior, observations.X.numpy(), column.y.numpy(), noise)

    def _sample(self, data: Sequence[Data], seed: int, starts: Sequence[list[Start]]) -> list[_Fit]:
        """Sample every objective, and once more for longer those whose chains did not converge."""
        began = time.perf_counter()
        tasks = [self._tasks(i, one, seed, starts[i]) for i, one in enumerate(data)]
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

    def _tasks(self, objective: int, data: Data, seed: int, ends: list[Start]) -> list[ChainTask]:
        """One column's chains, from the ends of others if there are enough of this size."""
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


def _members(data: Data, column: Standardised, draws: Vector) -> Members:
    """The ensemble of `s x size` unconstrained draws, as `Layout` orders them."""
    values = data.layout.constrain(draws, data.prior)
    known = None if data.noise_variance is None else torch.from_numpy(data.noise_variance)
    noise = values["noise"].unsqueeze(-1) if known is None else known
    return Members(
        X=torch.from_numpy(data.X),
        y=column.y,
        mean=values["mean"],
        outputscale=values["outputscale"],
        lengthscale=values["lengthscale"],
        noise=noise.expand(len(draws), len(data.y)).clone(),
        scale=column.scale,
        shift=column.shift,
        drawn=True,
    )


def _state(fits: Sequence[_Fit]) -> State:
    """Where each column's chains ended; nothing where they did not converge."""
    ends = [[] if fit.diagnostics.fallback else [chain.end for chain in fit.chains] for fit in fits]
    return {"chains": [[end.as_dict() for end in column] for column in ends]}


def _starts(state: State | None, columns: int) -> list[list[Start]]:
    """The ends that a state holds, for each of so many columns."""
    found = [] if state is None else state.get("chains", [])
    starts = [[Start.from_dict(end) for end in ends] for ends in found[:columns]]
    return starts + [[] for _ in range(columns - len(starts))]
