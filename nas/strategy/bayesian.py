"""Bayesian optimisation: a surrogate of the objectives and an acquisition function over it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from hydra.utils import instantiate

from nas.acquisition import suggest_batch
from nas.space import Space
from nas.strategy import Proposal
from nas.strategy.sobol import SobolStrategy
from nas.study import Study, TrialState
from nas.surrogate import Surrogate
from nas.surrogate.saas import SaasSurrogate

BAYESIAN = "bayesian"

logger = logging.getLogger(__name__)


class BayesianStrategy:
    """Proposes the batch with the largest expected hypervolume improvement.

    Args:
        surrogate: Model of the objectives, or the Hydra node of one; None: `SaasSurrogate`.
    """

    def __init__(self, surrogate: Any = None) -> None:
        if surrogate is None:
            self.surrogate: Surrogate = SaasSurrogate()
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
        X_others = torch.from_numpy(space.encode([trial.point for trial in others])) if others else None
        with _one_thread():
            batch_seed = seed + len(study)
            model = self.surrogate.fit(X, Y, seed=batch_seed)
            if self.surrogate.diagnostics:
                found = [one.as_dict() for one in self.surrogate.diagnostics]
                study.add_diagnostics(study.batch_of(len(study)), found)
            points = suggest_batch(
                model,
                space,
                X_pending=X_others,
                reference=torch.from_numpy(study.reference_point()),
                count=count,
                seed=batch_seed,
            )
        if not points:
            return SobolStrategy().suggest(study, space, count, seed=seed)
        return [Proposal(point, BAYESIAN) for point in points]


@contextmanager
def _one_thread() -> Iterator[None]:
    """At these sizes threads cost more than they give, many times more on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
