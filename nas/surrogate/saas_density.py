"""The SAAS GP's log posterior density and its gradient: what NUTS spends its time on."""

import math

import numpy as np

from nas.surrogate.marginal_likelihood import LOG_2PI, MarginalLikelihood
from nas.surrogate.saas_prior import Layout, SaasPrior, Vector

# Beyond this a logarithm's exponential is no longer a hyperparameter of anything.
_MAX_LOG = 300.0


class SaasDensity:
    """Log density of the unconstrained hyperparameters given the data, up to no constant: priors and
    Jacobians included.

    Not safe to share between threads: the buffers are reused by every call.

    Args:
        prior: The hyperparameters' priors.
        X: `n x d` inputs in the unit cube, float64.
        y: `n` standardised observations.
        noise_variance: `n` known noise variances; None: one noise variance is inferred.
    """

    def __init__(self, prior: SaasPrior, X: Vector, y: Vector, noise_variance: Vector | None = None) -> None:
        self.layout = Layout(
            dim=X.shape[1], has_mean=prior.mean_scale is not None, has_noise=noise_variance is None
        )
        self.observations = len(y)
        self._likelihood = MarginalLikelihood(X, y)
        self._prior = prior
        self._noise_variance = noise_variance
        self._gradient = np.empty(self.layout.size)

    def memory(self) -> int:
        """Bytes of all buffers."""
        return self._likelihood.memory()

    def __call__(self, z: Vector) -> tuple[float, Vector]:
        """Evaluate the density.

        Args:
            z: `size` unconstrained hyperparameters, ordered as `Layout` says.

        Returns:
            The log density, and its `size` gradient in a buffer that the next call overwrites. Where the
            covariance is not positive definite in double precision the density is minus infinity and the
            gradient zero.
        """
        # Far out, numbers overflow on their way to a density of zero.
        with np.errstate(all="ignore"):
            value = self._evaluate(z) if np.abs(z).max() < _MAX_LOG else -math.inf
        if not math.isfinite(value):
            self._gradient[:] = 0.0
            value = -math.inf
        return value, self._gradient

    def _evaluate(self, z: Vector) -> float:
        """Return the density, not finite where the covariance is not positive definite; fill the gradient."""
        layout, gradient = self.layout, self._gradient
        mean = float(z[0]) if layout.has_mean else 0.0
        outputscale = math.exp(z[layout.outputscale])
        rho = np.exp(z[layout.tausq] + z[layout.tausq + 1 :])
        found = self._likelihood(mean, self._noise(z), outputscale, rho)
        if found is None:
            return -math.inf
        value, slopes = found
        if layout.has_mean:
            gradient[0] = slopes.mean
        if layout.has_noise:
            gradient[layout.noise] = slopes.noise * math.exp(z[layout.noise])
        gradient[layout.outputscale] = slopes.log_outputscale
        gradient[layout.tausq + 1 :] = slopes.log_rho
        gradient[layout.tausq] = gradient[layout.tausq + 1 :].sum()
        return value + self._add_prior(z)

    def _noise(self, z: Vector) -> Vector:
        if self._noise_variance is not None:
            return self._noise_variance
        return np.full(self.observations, self._prior.noise_floor + math.exp(z[self.layout.noise]))

    def _add_prior(self, z: Vector) -> float:
        """Return the log prior with Jacobians, and add its slopes to the gradient."""
        prior, layout, gradient = self._prior, self.layout, self._gradient
        total = 0.0
        if prior.mean_scale is not None:
            scaled = z[0] / prior.mean_scale
            total -= 0.5 * scaled * scaled + math.log(prior.mean_scale) + 0.5 * LOG_2PI
            gradient[0] -= scaled / prior.mean_scale
        if layout.has_noise:
            value, slope = prior.noise.log_density(z[layout.noise])
            total += value
            gradient[layout.noise] += slope
        value, slope = prior.outputscale.log_density(z[layout.outputscale])
        total += value
        gradient[layout.outputscale] += slope
        # log x of x ~ HalfCauchy(s) has density sech(log x - log s) / pi: both tails are exponential.
        shifted = z[layout.tausq :].copy()
        shifted[0] -= math.log(prior.tau_scale)
        total -= float(np.logaddexp(shifted, -shifted).sum()) + len(shifted) * math.log(math.pi / 2)
        gradient[layout.tausq :] -= np.tanh(shifted)
        return total
