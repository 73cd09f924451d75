"""Bayesian optimisation: a surrogate of the objectives and an acquisition function over it."""

import logging
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from hydra.utils import instantiate
from torch import Tensor

from nas.acquisition import suggest_batch
from nas.job import is_finite
from nas.space import Space
from nas.strategy import Proposal
from nas.strategy.sobol import SobolStrategy
from nas.study import Study, Trial, TrialState
from nas.surrogate import Surrogate
from nas.surrogate.saas import SaasSurrogate
from nas.threads import torch_threads

BAYESIAN = "bayesian"

logger = logging.getLogger(__name__)


class BayesianStrategy:
    """Proposes the batch with the largest expected hypervolume improvement.

    Args:
        surrogate: Model of the objectives, or the Hydra node of one; None: `SaasSurrogate`.
        observed_noise: Take an objective's noise as known where every trial has its standard error, in the
            metric `<objective>_se`; otherwise one noise variance is inferred.
    """

    def __init__(self, surrogate: Any = None, observed_noise: bool = False) -> None:
        self._observed_noise = observed_noise
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
        batch_seed = seed + len(study)
        # Matrices of a fit are small, and threads cost more than they give.
        with torch_threads(1):
            model = self.surrogate.fit(X, Y, self._noise(study, observed), seed=batch_seed)
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

    def _noise(self, study: Study, trials: Sequence[Trial]) -> Tensor | None:
        """The objectives' noise variances, `n x 2`, NaN where they are not known; None if none is."""
        if not self._observed_noise:
            return None
        names = [f"{name}_se" for name in study.objectives]
        errors = np.array([[_positive(trial.metrics.get(name)) for name in names] for trial in trials])
        if np.isnan(errors).any(axis=0).all():
            logger.warning(
                "observed_noise is on, but no objective has its standard error (%s) in every trial; "
                "the noise is inferred.",
                " or ".join(names),
            )
            return None
        return torch.from_numpy((errors / study.scale()) ** 2)


def _positive(value: Any) -> float:
    return float(value) if is_finite(value) and value > 0 else math.nan
