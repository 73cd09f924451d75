"""Leave-one-out cross-validation of a surrogate without refitting it.

For one set of hyperparameters the leave-one-out predictions of a GP have a closed form. Over an ensemble of
posterior draws, leaving point i out also changes the posterior of the hyperparameters: the draws are
reweighted by 1 / p(y_i | the others, draw), smoothed by a Pareto fit, whose shape k tells whether the weights
can be trusted.

References:
    Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, equations 5.10 to 5.12.
    Vehtari, Simpson, Gelman, Yao, Gabry, "Pareto Smoothed Importance Sampling", JMLR 2024.
"""

from dataclasses import dataclass

import numpy as np
import torch
from arviz_stats.base import array_stats
from numpy.typing import NDArray
from scipy import stats
from scipy.special import logsumexp

from nas.surrogate.errors import SurrogateError
from nas.surrogate.posterior import Members, Posterior

Array = NDArray[np.float64]
# Above this the smoothed weights have too heavy a tail for their estimate to be trusted (Vehtari et al.
# 2024).
GOOD_K = 0.7
# Below this many draws a tail cannot be fitted; the weights stay as they are.
_MIN_DRAWS = 20


@dataclass(frozen=True)
class LeaveOneOut:
    """Leave-one-out predictions of one objective, in its own units.

    Attributes:
        observed: `n` observations.
        mean: `n` predicted means.
        lower: `n` lower ends of the central 95 % intervals of a new observation.
        upper: `n` upper ends.
        log_density: `n` log predictive densities of the observations.
        pareto_k: `n` shapes of the weights' tails; NaN where there are too few draws to tell.
    """

    observed: Array
    mean: Array
    lower: Array
    upper: Array
    log_density: Array
    pareto_k: Array

    def summary(self) -> dict[str, float]:
        """Scores: mean log density, RMSE, rank correlation, R2, coverage of the 95 % intervals, worst k.

        Where all observations are equal, the correlation and R2 are NaN.
        """
        error = self.observed - self.mean
        spread = float(np.sum((self.observed - self.observed.mean()) ** 2))
        varied = spread > 0 and float(np.ptp(self.mean)) > 0
        inside = (self.observed >= self.lower) & (self.observed <= self.upper)
        known = self.pareto_k[np.isfinite(self.pareto_k)]
        return {
            "log_density": float(self.log_density.mean()),
            "rmse": float(np.sqrt(np.mean(error**2))),
            "rank_correlation": float(stats.spearmanr(self.observed, self.mean).statistic)
            if varied
            else np.nan,
            "r2": 1 - float(np.sum(error**2)) / spread if spread > 0 else np.nan,
            "coverage_95": float(inside.mean()),
            "pareto_k_max": float(known.max()) if len(known) else np.nan,
            "pareto_k_bad": float((known > GOOD_K).sum()),
        }


def leave_one_out(posterior: Posterior) -> list[LeaveOneOut]:
    """Predicts every observation from the others, for every column.

    Args:
        posterior: Of a surrogate's fit.

    Returns:
        One result a column.

    Raises:
        SurrogateError: If there are fewer than two observations.
    """
    return [_one_column(members) for members in posterior.members]


def _one_column(members: Members) -> LeaveOneOut:
    mean, variance, observed = closed_form(members)
    if len(observed) < 2:
        raise SurrogateError("Leave-one-out needs at least two observations; wait for more trials.")
    log_density = np.asarray(stats.norm.logpdf(observed, mean, np.sqrt(variance)), dtype=np.float64)
    log_weights, k = _smoothed_weights(log_density, equal=not members.drawn)
    weights = np.exp(log_weights)
    lower, upper = (mixture_quantile(p, mean, variance, weights) for p in (0.025, 0.975))
    scale, shift = members.scale, members.shift
    return LeaveOneOut(
        observed=observed * scale + shift,
        mean=(weights * mean).sum(0) * scale + shift,
        lower=lower * scale + shift,
        upper=upper * scale + shift,
        log_density=logsumexp(log_weights + log_density, axis=0) - np.log(scale),
        pareto_k=k,
    )


def closed_form(members: Members) -> tuple[Array, Array, Array]:
    """Leave-one-out moments for each member of an ensemble, hyperparameters fixed.

    Args:
        members: One column's `s` GPs.

    Returns:
        Means and variances of each observation given the others, noise included, both `s x n`, and the `n`
        observations; all in standardised units.
    """
    covariance = members.kernel(members.X, members.X) + torch.diag_embed(members.noise)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(covariance))
    variance = 1 / inverse.diagonal(dim1=-2, dim2=-1)
    residual = members.y - members.mean[:, None]
    mean = members.y - (inverse @ residual.unsqueeze(-1)).squeeze(-1) * variance
    return mean.numpy(), variance.numpy(), members.y.numpy()


def _smoothed_weights(log_density: Array, *, equal: bool) -> tuple[Array, Array]:
    """Log weights of the members for each left-out point, and the shapes of their tails.

    Posterior draws are reweighted to the posterior without the point; modes are not draws and keep equal
    weights.
    """
    members, n = log_density.shape
    if equal or members == 1:
        return np.full_like(log_density, -np.log(members)), np.full(n, np.nan)
    if members < _MIN_DRAWS:
        return -log_density - logsumexp(-log_density, axis=0), np.full(n, np.nan)
    smoothed = [array_stats.psislw(-column) for column in log_density.T]
    return np.stack([weights for weights, _ in smoothed], axis=1), np.array([k for _, k in smoothed])


def mixture_quantile(p: float, mean: Array, variance: Array, weights: Array) -> Array:
    """Quantiles of `n` mixtures of `s` normals by bisection.

    Args:
        p: Which quantile, in (0, 1).
        mean: `s x n`.
        variance: `s x n`, positive.
        weights: `s x n`, adding up to 1 over the normals.
    """
    scale = np.sqrt(variance)
    ends = mean + scale * stats.norm.ppf(p)
    low, high = ends.min(0), ends.max(0)
    for _ in range(60):
        middle = 0.5 * (low + high)
        below = (weights * stats.norm.cdf(middle, mean, scale)).sum(0) < p
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray(0.5 * (low + high), dtype=np.float64)
