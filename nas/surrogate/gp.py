"""The MAP baseline: one Gaussian process an objective, hyperparameters at their posterior mode."""

import logging
import math

import numpy as np
import torch
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from nas.surrogate import State
from nas.surrogate.errors import SurrogateError
from nas.surrogate.marginal_likelihood import MarginalLikelihood
from nas.surrogate.observations import Observations, Standardised, standardise
from nas.surrogate.posterior import Members, Posterior
from nas.surrogate.saas_prior import NOISE_FLOOR, Gamma, LogNormal, Vector
from paretoparse.checks import Range

logger = logging.getLogger(__name__)

_OUTPUTSCALE = Gamma(2.0, 1.0)
_NOISE = LogNormal(-4.0, 1.0)
_MEAN_SCALE = 1.0
# Standard deviations of a lengthscale's logarithm: Hvarfner et al.'s, and one with which few observations
# single out fewer inputs by chance.
WIDE, NARROW = math.sqrt(3), 1.0
# What the ascents start from: the noise's standard deviation, and lengthscales relative to the prior's mode.
_STARTS = ((0.1, 1.0), (0.5, 3.0))
# The last steps towards a flat mode change no prediction.
_MAX_ITERATIONS = 200
# The ascent stays where exponentials are hyperparameters of something.
_BOUNDS = {
    "mean": (-10.0, 10.0),
    "noise": (math.log(NOISE_FLOOR), 5.0),
    "outputscale": (-12.0, 8.0),
    "log_rho": (-16.0, 7.4),
}


class GpSurrogate:
    """Matern-5/2 kernels with one lengthscale a dimension, whose prior grows with the number of dimensions.

    The lengthscales' prior is that of Hvarfner et al. 2024, "Vanilla Bayesian Optimization Performs Great in
    High Dimensions": `log l ~ Normal(sqrt(2) + log(d) / 2, sqrt(3))`; the others are BoTorch's. The mode is
    that of the density of the hyperparameters themselves, not of their logarithms: without any data it lies
    at a lengthscale of 0.2 sqrt(d), where the logarithm's density would have one twenty times as long.

    Args:
        lengthscale_spread: Standard deviation of a lengthscale's logarithm before any data, above 0; the mode
            without data stays where it is. The smaller, the less the inputs' lengthscales differ.

    Raises:
        SurrogateError: If the spread is out of range.
    """

    def __init__(self, lengthscale_spread: float = WIDE) -> None:
        Range(above=True).check("lengthscale_spread", lengthscale_spread, SurrogateError)
        self._spread = lengthscale_spread

    def fit(self, observations: Observations, *, seed: int, start: State | None = None) -> Posterior:
        """See `Surrogate.fit`; nothing in it is random, and it leaves no state."""
        columns = [standardise(*observations.column(i)) for i in range(observations.Y.shape[1])]
        return Posterior(tuple(_fit_one(observations.X.numpy(), column, self._spread) for column in columns))


class _Posterior:
    """The negative log posterior density of `mean, log noise, log outputscale, log rho_1 ... log rho_d`."""

    def __init__(self, X: Vector, column: Standardised, spread: float) -> None:
        self.likelihood = MarginalLikelihood(X, column.y.numpy())
        self.known = None if column.noise is None else column.noise.clamp_min(NOISE_FLOOR).numpy()
        self.n, d = X.shape
        # The mode of Hvarfner et al.'s log-normal variable lies at exp(loc - scale^2); as a function of its
        # logarithm its density is a normal one with that centre.
        self.loc, self.scale = math.sqrt(2) + 0.5 * math.log(d) - 3.0, spread

    def noise(self, log_noise: float) -> Vector:
        """The `n` noise variances."""
        return self.known if self.known is not None else np.full(self.n, math.exp(log_noise))

    def value(self, z: Vector) -> tuple[float, Vector]:
        """At a point, with its gradient."""
        mean, log_noise, log_outputscale, log_rho = float(z[0]), float(z[1]), float(z[2]), z[3:]
        found = self.likelihood(mean, self.noise(log_noise), math.exp(log_outputscale), np.exp(log_rho))
        if found is None:
            # L-BFGS cannot step back from infinity; a large finite value makes its line search do so.
            return 1e100, np.zeros_like(z)
        value, slopes = found
        gradient = np.empty_like(z)
        gradient[0] = slopes.mean - mean / _MEAN_SCALE**2
        value -= 0.5 * (mean / _MEAN_SCALE) ** 2
        # Without the logarithms' Jacobians, each of which is the logarithm itself.
        prior, slope = _NOISE.log_density(log_noise)
        value += prior - log_noise
        gradient[1] = slope - 1.0 + (0.0 if self.known is not None else slopes.noise * math.exp(log_noise))
        prior, slope = _OUTPUTSCALE.log_density(log_outputscale)
        value += prior - log_outputscale
        gradient[2] = slope - 1.0 + slopes.log_outputscale
        off = (-0.5 * log_rho - self.loc) / self.scale
        value -= 0.5 * float(off @ off)
        gradient[3:] = slopes.log_rho + 0.5 * off / self.scale
        return -value, -gradient


def _fit_one(X: Vector, column: Standardised, spread: float) -> Members:
    density = _Posterior(X, column, spread)
    d = X.shape[1]
    bounds = [_BOUNDS["mean"], _BOUNDS["noise"], _BOUNDS["outputscale"], *[_BOUNDS["log_rho"]] * d]
    found = []
    with threadpool_limits(1), np.errstate(all="ignore"):
        for deviation, factor in _STARTS:
            rho = -2.0 * (density.loc + math.log(factor))
            start = np.array([0.0, 2 * math.log(deviation), 0.0, *[rho] * d])
            found.append(
                minimize(
                    density.value,
                    start,
                    jac=True,
                    method="L-BFGS-B",
                    bounds=bounds,
                    options={"maxiter": _MAX_ITERATIONS},
                )
            )
    best = min(found, key=lambda one: float(one.fun))
    if best.fun >= 1e100:
        logger.warning("The surrogate keeps its initial hyperparameters, as their fit failed.")
    z = torch.from_numpy(np.asarray(best.x, dtype=np.float64))
    return Members(
        X=torch.from_numpy(X),
        y=column.y,
        mean=z[:1],
        outputscale=z[2:3].exp(),
        lengthscale=(-0.5 * z[3:]).exp().unsqueeze(0),
        noise=torch.from_numpy(density.noise(float(z[1]))).unsqueeze(0),
        scale=column.scale,
        shift=column.shift,
    )
