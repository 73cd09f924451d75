"""Bayesian optimisation: a surrogate of the objectives and an acquisition function over it."""

import logging
from typing import Any

import torch
from hydra.utils import instantiate

from nas.acquisition import suggest_batch
from nas.space import Space
from nas.strategy import Proposal
from nas.strategy.sobol import SobolStrategy
from nas.study import Study, TrialState
from nas.surrogate import Surrogate
from nas.surrogate.gp import GpSurrogate

BAYESIAN = "bayesian"

logger = logging.getLogger(__name__)


class BayesianStrategy:
    """Proposes the batch with the largest expected hypervolume improvement.

    Args:
        surrogate: Model of the objectives, or the Hydra node of one; None: `GpSurrogate`.
    """

    def __init__(self, surrogate: Any = None) -> None:
        if surrogate is None:
            self.surrogate: Surrogate = GpSurrogate()
        else:
            self.surrogate = surrogate if hasattr(surrogate, "fit") else instantiate(surrogate)

    def suggest(self, study: Study, space: Space, count: int, *, seed: int) -> list[Proposal]:
        """See `Strategy.suggest`; Sobol points as long as no trial inside the space has completed."""
        trials = [trial for trial in study.trials() if space.contains(trial.point)]
        observed = [trial for trial in trials if trial.state is TrialState.COMPLETED]
        if not observed:
            logger.warning("No trial has completed yet: the next batch is taken from the Sobol sequence.")
            return SobolStrategy().suggest(study, space, count, seed=seed)
        # Failed trials say nothing about the objectives, but must not be proposed again.
        others = [trial for trial in trials if trial.state is not TrialState.COMPLETED]
        X = torch.from_numpy(space.encode([trial.point for trial in observed]))
        Y = torch.from_numpy(study.to_maximise(observed))
        batch_seed = seed + len(study)
        model = self.surrogate.fit(X, Y, seed=batch_seed)
        points = suggest_batch(
            model,
            space,
            X_baseline=X,
            X_pending=torch.from_numpy(space.encode([t.point for t in others])) if others else None,
            reference=torch.from_numpy(study.reference_point()),
            count=count,
            seed=batch_seed,
        )
        proposals = [Proposal(point, BAYESIAN) for point in points]
        if not proposals:
            return SobolStrategy().suggest(study, space, count, seed=seed)
        return proposals
