"""The probability that a trial beats the reference, for all completed trials. Slow to import: torch.

A result is noisy, and so is the reference's: of pairs of results one is above the other half of the time
where nothing differs. So it is the noise-free functions that are compared, under a Gaussian process fitted to
all completed trials, one a metric. With f_i and f_r the functions at the trial and at the reference, jointly
normal with means m and covariance matrix C,

    f_i - w f_r - t  ~  N(m_i - w m_r - t,  C_ii - 2 w C_ir + w^2 C_rr),

where metrics are turned so that more is better, and w, t belong to what is asked (`nas.study.criteria`): 1
and 0 for an objective. That gives the probability of each objective and constraint as a value of the normal
distribution function; of an ensemble's members the mean. Where several are about one metric, such as an
objective with a bound of its own, they are one inequality given f_r, f_i > max_k(w_k f_r + t_k), which
Gauss-Hermite quadrature integrates over f_r. Metrics are independent in the model, so the probability of
beating the reference is the product over metrics.

A reference outside the space has no place in the process: its f_r is its result, with the fitted noise.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from scipy.special import ndtr
from torch import Tensor

from nas.pareto import front
from nas.space import Array
from nas.study import History, Trial
from nas.study.criteria import Criterion, criteria
from nas.surrogate import Surrogate
from nas.surrogate.errors import SurrogateError
from nas.surrogate.observations import Observations, prepare
from nas.surrogate.posterior import ConditionedMembers, Members
from nas.threads import torch_threads

MIN_TRIALS = 4
SEED = 0
_NODES = 40
# Of variances, so that what is known exactly is certain.
_TINY = 1e-300

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Beliefs:
    """What a surrogate makes of the completed trials inside the space.

    Attributes:
        p_beats: Their numbers to the probability of beating the reference; the reference is not among them,
            and nothing is where there is none.
        front: The numbers of those that no other dominates by their posterior means, among those whose
            means keep all constraints.
    """

    p_beats: dict[int, float]
    front: frozenset[int]


def beliefs(history: History, surrogate: Surrogate | None = None) -> Beliefs | None:
    """Compares all completed trials with the reference.

    Args:
        history: The search.
        surrogate: What is fitted; None: `GpSurrogate`, and the fit to one history is made once.

    Returns:
        None if fewer than four trials inside the space have completed, or the surrogate cannot be fitted.
    """
    if surrogate is None:
        return _beliefs_by_default(_Same(history))
    trials = [trial for trial in history.completed if history.space.contains(trial.point)]
    if len(trials) < MIN_TRIALS:
        return None
    try:
        with torch_threads(1):
            return _compare(history, trials, surrogate)
    except SurrogateError as error:
        logger.warning("Probabilities of beating the reference cannot be told: %s", error)
        return None


@dataclass(frozen=True, eq=False)
class _Same:
    """A history that is told from others by identity, as a key."""

    history: History

    def __hash__(self) -> int:
        return id(self.history)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.history is self.history


@lru_cache(maxsize=2)
def _beliefs_by_default(same: _Same) -> Beliefs | None:
    # BoTorch takes seconds to import.
    from nas.surrogate.gp import GpSurrogate

    return beliefs(same.history, GpSurrogate())


@dataclass(frozen=True)
class _Marginal:
    """One metric's function at n trials and at the reference, more being better; `s` members.

    Attributes:
        mean: `s x n`.
        variance: `s x n`.
        covariance: `s x n`, with the function at the reference.
        reference_mean: `s`.
        reference_variance: `s`.
    """

    mean: Array
    variance: Array
    covariance: Array
    reference_mean: Array
    reference_variance: Array


def _compare(history: History, trials: Sequence[Trial], surrogate: Surrogate) -> Beliefs:
    senses, result = _senses(history), history.metrics_of_reference()
    signs = np.array([*senses.values()])
    Y = _matrix(trials, senses) * signs
    base = np.zeros(len(senses)) if result is None else np.array([float(result[n] or 0) for n in senses])
    X = torch.from_numpy(history.space.encode([trial.point for trial in trials]))
    # To `prepare` a reference matters that is worse than what it moves outliers to.
    low = Y.min(axis=0) if result is None else base * signs
    prepared = prepare(Observations(X, torch.from_numpy(Y)), torch.from_numpy(low), [*senses])
    posterior = prepared.restore(surrogate.fit(prepared.observations, seed=SEED))
    place = next((i for i, one in enumerate(trials) if one is history.reference_trial), None)
    marginals = [
        _marginal(members, X, place, sign * value)
        for members, sign, value in zip(posterior.members, signs, base, strict=True)
    ]
    wanted = criteria(history)
    p_beats = np.ones(len(trials))
    kept = np.ones(len(trials), dtype=bool)
    for column, (name, sign) in enumerate(senses.items()):
        mine = [one for one in wanted if one.metric == name]
        found = marginals[column]
        p_beats *= _probability(found, mine, sign)
        own = sign * found.mean.mean(axis=0)
        for one in mine:
            kept &= one.objective | (one.margin(own, sign * found.reference_mean.mean()) >= 0)
            # What `prepare` moved is far below all others, wherever it was moved to.
            moved = prepared.observations.Y[:, column].numpy() * prepared.units[column] != Y[:, column]
            p_beats[moved & (one.margin(sign * Y[:, column], base[column]) <= 0)] = 0.0
    numbers = np.array([trial.number for trial in trials])
    others = [i for i in range(len(trials)) if i != place] if history.has_reference else []
    means = np.stack(
        [found.mean.mean(axis=0) for found in marginals[: len(history.goals.objectives)]], axis=1
    )
    return Beliefs(
        {int(numbers[i]): float(p_beats[i]) for i in others},
        frozenset(numbers[kept][front(means[kept])].tolist()),
    )


def _matrix(trials: Sequence[Trial], names: Iterable[str]) -> Array:
    return np.array([[float(trial.metrics[name] or 0) for name in names] for trial in trials])


def _senses(history: History) -> dict[str, float]:
    """Each metric, objectives first, to 1 if more of it is better and to -1 if less is."""
    goals = history.goals
    found = {one.metric: one.sign for one in goals.objectives}
    for one in goals.constraints:
        found.setdefault(one.metric, -1.0 if one.at_most else 1.0)
    return found


def _probability(found: _Marginal, wanted: Sequence[Criterion], sign: float) -> Array:
    """The probability of keeping all criteria of one metric.

    Args:
        found: The metric's function, times `sign`.
        wanted: The criteria.
        sign: 1 or -1, what makes more of the metric better.

    Returns:
        `n` probabilities.
    """
    if not wanted:
        return np.ones(found.mean.shape[1])
    if len(wanted) == 1:
        (one,) = wanted
        w = one.weight
        mean = found.mean - w * found.reference_mean[:, None]
        variance = found.variance - 2 * w * found.covariance + w * w * found.reference_variance[:, None]
        margin = one.sense * sign * mean - one.threshold
        return np.asarray(_below(margin, variance).mean(axis=0))
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    base = found.reference_mean[:, None, None] + np.sqrt(found.reference_variance)[:, None, None] * nodes
    # The function at the trials given each value of that at the reference.
    slope = found.covariance / np.maximum(found.reference_variance[:, None], _TINY)
    shift = base - found.reference_mean[:, None, None]
    mean = found.mean[..., None] + slope[..., None] * shift
    variance = (found.variance - slope * found.covariance)[..., None]
    low, high = np.full(base.shape, -np.inf), np.full(base.shape, np.inf)
    for one in wanted:
        bound = one.weight * base + one.sense * sign * one.threshold
        if one.sense == sign:
            low = np.maximum(low, bound)
        else:
            high = np.minimum(high, bound)
    inside = _below(high - mean, variance) - _below(low - mean, variance)
    inside = np.asarray(np.maximum(inside, 0.0) @ (weights / weights.sum()))
    return np.asarray(inside.mean(axis=0))


def _below(margin: Array, variance: Array) -> Array:
    """The probability that normal noise of that variance stays below a margin."""
    return np.asarray(ndtr(margin / np.sqrt(np.maximum(variance, _TINY))))


def _marginal(members: Members, X: Tensor, place: int | None, reference: float) -> _Marginal:
    with torch.no_grad():
        given = ConditionedMembers.given(members, X[:0], torch.zeros(1, 0, dtype=X.dtype))
        weights = members.kernel(X, given.points) @ given.inverse.transpose(-1, -2)
        mean = members.mean[:, None] + (weights @ given.z.transpose(-1, -2)).squeeze(-1)
        variance = (members.outputscale[:, None] - weights.square().sum(-1)).clamp_min(0.0)
        if place is None:
            covariance = torch.zeros_like(mean)
            spread = members.noise.mean(dim=1)
        else:
            x, w = X[place : place + 1], weights[:, place : place + 1]
            covariance = (members.kernel(X, x) - weights @ w.transpose(-1, -2)).squeeze(-1)
            spread = variance[:, place]
        own = members.scale * mean + members.shift
        base = torch.full_like(spread, reference) if place is None else own[:, place]
        squared = members.scale**2
        return _Marginal(
            own.numpy(),
            (squared * variance).numpy(),
            (squared * covariance).numpy(),
            base.numpy(),
            (squared * spread).numpy(),
        )
