"""Bayesian optimisation: a surrogate of the objectives and an acquisition function over it."""

import logging
import math
from typing import Any

import numpy as np
import torch
from hydra.utils import instantiate

from nas.candidates import choose_batch
from nas.strategy.sobol import SobolStrategy
from nas.study.goals import is_finite
from nas.study.history import History
from nas.study.trials import Proposal, Suggestion, Trial
from nas.surrogate import Surrogate
from nas.surrogate.observations import Observations, prepare
from nas.surrogate.saas import SaasSurrogate
from nas.threads import torch_threads

logger = logging.getLogger(__name__)


class BayesianStrategy:
    """Proposes the batch with the largest expected hypervolume improvement.

    Args:
        surrogate: Model of the objectives and constraints, or the Hydra node of one; None: `SaasSurrogate`.
        observed_noise: Take an objective's noise as known where every trial has its standard error, in the
            metric `<objective>_se`; otherwise one noise variance is inferred.
        name: Origin of its trials; None: the surrogate's name in lower case, such as `saas`.
    """

    def __init__(self, surrogate: Any = None, observed_noise: bool = False, name: str | None = None) -> None:
        self._observed_noise = observed_noise
        if surrogate is None:
            self.surrogate: Surrogate = SaasSurrogate()
        else:
            self.surrogate = surrogate if hasattr(surrogate, "fit") else instantiate(surrogate)
        self.name = name or type(self.surrogate).__name__.removesuffix("Surrogate").lower()

    def suggest(self, history: History, count: int, *, seed: int) -> Suggestion:
        """See `Strategy.suggest`; Sobol points as long as no trial inside the space has completed."""
        space = history.space
        observed = [trial for trial in history.completed if space.contains(trial.point)]
        if not observed:
            logger.warning("No trial has completed yet: the next batch is taken from the Sobol sequence.")
            return SobolStrategy().suggest(history, count, seed=seed)
        pending = [trial.point for trial in history.pending if space.contains(trial.point)]
        batch_seed = seed + len(history)
        goals = history.goals
        names = [*goals.names, *map(str, goals.constraints)]
        reference = torch.from_numpy(history.reference)
        prepared = prepare(self._observations(history, observed), reference, names)
        # Matrices of a fit are small, and threads cost more than they give.
        with torch_threads(1):
            posterior = self.surrogate.fit(prepared.observations, seed=batch_seed, start=history.state)
        points = choose_batch(
            posterior,
            space,
            pending=torch.from_numpy(space.encode(pending)),
            known=history.keys,
            reference=prepared.reference,
            constraints=len(goals.constraints),
            count=count,
            seed=batch_seed,
        )
        if not points:
            return SobolStrategy().suggest(history, count, seed=seed)
        diagnostics = tuple(one.as_dict() for one in posterior.diagnostics)
        return Suggestion(tuple(Proposal(p, self.name) for p in points), diagnostics, posterior.state)

    def _observations(self, history: History, trials: list[Trial]) -> Observations:
        X = torch.from_numpy(history.space.encode([trial.point for trial in trials]))
        columns = [history.values(trials), history.slacks(trials)]
        return Observations(X, torch.from_numpy(np.hstack(columns)), self._noise(history, trials))

    def _noise(self, history: History, trials: list[Trial]) -> torch.Tensor | None:
        """The noise variances, `n x (m + c)`, NaN where they are not known; None if none is."""
        if not self._observed_noise:
            return None
        names = [f"{name}_se" for name in history.goals.names]
        errors = np.array([[_positive(trial.metrics.get(name)) for name in names] for trial in trials])
        if np.isnan(errors).any(axis=0).all():
            logger.warning(
                "observed_noise is on, but no objective has its standard error (%s) in every trial; "
                "the noise is inferred.",
                " or ".join(names),
            )
            return None
        unknown = np.full((len(trials), len(history.goals.constraints)), np.nan)
        return torch.from_numpy(np.hstack([(errors / history.units) ** 2, unknown]))


def _positive(value: Any) -> float:
    return float(value) if is_finite(value) and value > 0 else math.nan
