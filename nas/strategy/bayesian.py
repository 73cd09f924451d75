"""Bayesian optimisation: a surrogate of the objectives and an acquisition function over it."""

import logging
import math
from typing import Any

import numpy as np
import torch
from hydra.utils import instantiate

from nas.acquisition import LogWeight
from nas.candidates import choose_batch
from nas.errors import SettingsError
from nas.space import Point
from nas.strategy.failures import find_diverged, success_weight
from nas.strategy.neighbourhood import REFERENCE_WIDTH, fading_preference
from nas.strategy.sobol import SobolStrategy
from nas.study.goals import is_finite
from nas.study.history import History
from nas.study.trials import Proposal, Suggestion, Trial, TrialState
from nas.surrogate import Surrogate
from nas.surrogate.adaptive import AdaptiveSurrogate
from nas.surrogate.observations import Observations, prepare
from nas.surrogate.posterior import Posterior
from nas.threads import torch_threads
from paretoparse.checks import Range, check_switches

logger = logging.getLogger(__name__)

# docs/decisions.md compares it with others.
TRUST_REGION = 0.2


class BayesianStrategy:
    """Proposes the batch with the largest expected hypervolume improvement.

    Args:
        surrogate: Model of the objectives and constraints, or the Hydra node of one; None:
            `AdaptiveSurrogate`.
        observed_noise: Take an objective's noise as known where every trial has its standard error, in the
            metric `<objective>_se`; otherwise one noise variance is inferred.
        learn_failures: Avoid regions where trials fail; trials that diverged count as failed and are kept
            from the surrogate, see `nas.strategy.failures`.
        reference_width: Standard deviation, in the unit cube, of a preference for the reference model's
            neighbourhood after a small first round, see `nas.strategy.neighbourhood`; None: there is none.
        trust_region: How far, in the unit cube, each parameter of a proposal may be from one that may lie on
            the front or is pending, see `nas.candidates`, while there are at most twice as many trials as
            dimensions; with more of them in proportion further. None: as far as it goes.
        noisy_reference: Improve on what the surrogate believes of the reference model, whose own result may
            have been lucky; otherwise on that result.
        name: Origin of its trials; None: the surrogate's name in lower case, such as `saas`.
    """

    def __init__(
        self,
        surrogate: Any = None,
        observed_noise: bool = False,
        name: str | None = None,
        learn_failures: bool = True,
        reference_width: float | None = REFERENCE_WIDTH,
        noisy_reference: bool = True,
        trust_region: float | None = TRUST_REGION,
    ) -> None:
        for key, width in {"reference_width": reference_width, "trust_region": trust_region}.items():
            Range(above=True, null=True).check(key, width, SettingsError)
        switches = {
            "observed_noise": observed_noise,
            "learn_failures": learn_failures,
            "noisy_reference": noisy_reference,
        }
        check_switches(switches, SettingsError)
        self._reference_width = reference_width
        self._trust_region = trust_region
        self._noisy_reference = noisy_reference
        self._observed_noise = observed_noise
        self._learn_failures = learn_failures
        if surrogate is None:
            self.surrogate: Surrogate = AdaptiveSurrogate()
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
        batch_seed = seed + len(history)
        goals = history.goals
        # Matrices of a fit are small, and threads cost more than they give.
        with torch_threads(1):
            learnt, success = self._successful(history, observed)
            names = [*goals.names, *map(str, goals.constraints)]
            reference = torch.from_numpy(history.reference)
            prepared = prepare(self._observations(history, learnt), reference, names)
            posterior = self.surrogate.fit(prepared.observations, seed=batch_seed, start=history.state)
        pending = [trial.point for trial in history.pending if space.contains(trial.point)]
        weights = [one for one in (success, self._near_reference(history)) if one is not None]
        points: list[Point] = []
        for part, size in posterior.divide(count):
            points += choose_batch(
                part,
                space,
                pending=torch.from_numpy(space.encode([*pending, *points])),
                known={*history.keys, *map(space.key, points)},
                reference=self._to_beat(history, learnt, prepared.reference, part),
                constraints=len(goals.constraints),
                count=size,
                seed=batch_seed,
                log_weights=weights,
                trust_region=self._region(prepared.observations),
            )
        if not points:
            return SobolStrategy().suggest(history, count, seed=seed)
        diagnostics = tuple(one.as_dict() for one in posterior.diagnostics)
        return Suggestion(tuple(Proposal(p, self.name) for p in points), diagnostics, posterior.state)

    def _to_beat(
        self, history: History, learnt: list[Trial], result: torch.Tensor, posterior: Posterior
    ) -> torch.Tensor:
        """The reference point of the improvement, given the reference's own result."""
        trial = history.reference_trial
        if not self._noisy_reference or history.fixed_reference is not None or trial not in learnt:
            return result
        means, _ = posterior.predict(torch.from_numpy(history.space.encode([trial.point])))
        return means[0, : len(result)]

    def _region(self, observations: Observations) -> float | None:
        """How far from the front to look: what so many observations may be trusted to tell."""
        n, d = observations.X.shape
        return None if self._trust_region is None else self._trust_region * max(1.0, n / (2 * d))

    def _near_reference(self, history: History) -> LogWeight | None:
        reference, space = history.reference_trial, history.space
        if self._reference_width is None or reference is None or not space.contains(reference.point):
            return None
        centre = torch.from_numpy(space.encode([reference.point]))[0]
        first = sum(trial.round == 0 for trial in history.trials)
        return fading_preference(centre, self._reference_width, first, len(history) - first)

    def _successful(self, history: History, observed: list[Trial]) -> tuple[list[Trial], LogWeight | None]:
        """The trials to learn the objectives from, and the log probability that a point succeeds."""
        if not self._learn_failures:
            return observed, None
        space = history.space
        failed = [trial for trial in history.of(TrialState.FAILED) if space.contains(trial.point)]
        X = torch.from_numpy(space.encode([trial.point for trial in [*observed, *failed]]))
        values = torch.from_numpy(history.values(observed))
        diverged = find_diverged(X[: len(observed)], values)
        if diverged.any():
            numbers = [trial.number for trial, bad in zip(observed, diverged, strict=True) if bad]
            logger.info("Trials %s are far worse than all others say: they count as failed.", numbers)
        succeeded = np.concatenate([~diverged, np.zeros(len(failed), dtype=np.bool_)])
        learnt = [trial for trial, bad in zip(observed, diverged, strict=True) if not bad]
        return learnt, success_weight(X, succeeded)

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
