"""The SAAS prior: which hyperparameters a GP has, and how likely they are before any data.

`nas.surrogate.saas_pyro` has the same as a Pyro model, the specification. The fused density of
`nas.surrogate.saas_density` is what the sampler runs on; a test holds the two equal.

References:
    Eriksson and Jankowiak, "High-Dimensional Bayesian Optimization with Sparse Axis-Aligned Subspaces", UAI
    2021.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import gammaln
from torch import Tensor

Vector = NDArray[np.float64]
# Smallest noise variance, of standardised observations: BoTorch's MIN_INFERRED_NOISE_LEVEL, whose likelihood
# refuses a smaller one.
NOISE_FLOOR = 1e-4


@dataclass(frozen=True)
class Gamma:
    """A gamma prior on a positive hyperparameter.

    Attributes:
        concentration: Shape, above 0.
        rate: Inverse scale, above 0.
    """

    concentration: float
    rate: float

    def log_density(self, log_x: float) -> tuple[float, float]:
        """Log density of `log x` (the Jacobian included) and its slope, both with respect to `log x`."""
        x = math.exp(log_x)
        constant = self.concentration * math.log(self.rate) - float(gammaln(self.concentration))
        return constant + self.concentration * log_x - self.rate * x, self.concentration - self.rate * x


@dataclass(frozen=True)
class LogNormal:
    """A log-normal prior on a positive hyperparameter.

    Attributes:
        loc: Mean of the logarithm.
        scale: Standard deviation of the logarithm, above 0.
    """

    loc: float
    scale: float

    def log_density(self, log_x: float) -> tuple[float, float]:
        """Log density of `log x` (the Jacobian included) and its slope, both with respect to `log x`."""
        z = (log_x - self.loc) / self.scale
        return -0.5 * z * z - math.log(self.scale) - 0.5 * math.log(2 * math.pi), -z / self.scale


@dataclass(frozen=True)
class SaasPrior:
    """Priors of a Matern-5/2 GP on a standardised objective over the unit cube.

    The squared inverse lengthscale of dimension i is `tausq * v_i`, with `tausq ~ HalfCauchy(tau_scale)` and
    `v_i ~ HalfCauchy(1)`: most dimensions are switched off unless the data speak for them.

    Attributes:
        noise: Prior of the noise variance above its floor, in units of the standardised objective squared.
        outputscale: Prior of the signal variance.
        mean_scale: Standard deviation of the constant mean's normal prior; None: the mean is zero.
        tau_scale: Scale of the global shrinkage's half-Cauchy prior.
        noise_floor: Smallest noise variance; keeps the covariance well conditioned.
    """

    noise: Gamma | LogNormal
    outputscale: Gamma | LogNormal
    mean_scale: float | None
    tau_scale: float = 0.1
    noise_floor: float = NOISE_FLOOR


PRIORS = {
    "botorch": SaasPrior(noise=Gamma(0.9, 10.0), outputscale=Gamma(2.0, 0.15), mean_scale=1.0),
    "paper": SaasPrior(noise=LogNormal(0.0, 10.0), outputscale=LogNormal(0.0, 10.0), mean_scale=None),
}


@dataclass(frozen=True)
class Layout:
    """Where each hyperparameter lies in the sampler's unconstrained vector.

    Positive hyperparameters are stored as logarithms: `mean, noise, outputscale, tausq, v_1 ... v_d`, the
    first two only where they are inferred.

    Attributes:
        dim: Number of inputs d.
        has_mean: Whether the mean is inferred.
        has_noise: Whether the noise variance is inferred.
    """

    dim: int
    has_mean: bool
    has_noise: bool

    @property
    def noise(self) -> int:
        """Index of the noise; meaningful only where `has_noise`."""
        return int(self.has_mean)

    @property
    def outputscale(self) -> int:
        """Index of the signal variance."""
        return int(self.has_mean) + int(self.has_noise)

    @property
    def tausq(self) -> int:
        """Index of the global shrinkage; the d local ones follow it."""
        return self.outputscale + 1

    @property
    def size(self) -> int:
        """Length of the vector."""
        return self.tausq + 1 + self.dim

    def names(self) -> list[str]:
        """One name for each entry, for tables."""
        head = ["mean"] * self.has_mean + ["noise"] * self.has_noise + ["outputscale", "tausq"]
        return head + [f"inv_length_sq[{i}]" for i in range(self.dim)]

    def constrain(self, draws: Vector, prior: SaasPrior) -> dict[str, Tensor]:
        """Turn unconstrained draws into hyperparameters in the form of BoTorch's `load_mcmc_samples`.

        Args:
            draws: `s x size` unconstrained draws.
            prior: The prior they were drawn under.

        Returns:
            `mean` (`s`), `outputscale` (`s`), `lengthscale` (`s x d`) and, where inferred, `noise` (`s`),
            float64.
        """
        log_rho = draws[:, self.tausq, None] + draws[:, self.tausq + 1 :]
        samples = {
            "mean": draws[:, 0] if self.has_mean else np.zeros(len(draws)),
            "outputscale": np.exp(draws[:, self.outputscale]),
            "lengthscale": np.exp(-0.5 * log_rho),
        }
        if self.has_noise:
            samples["noise"] = prior.noise_floor + np.exp(draws[:, self.noise])
        return {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in samples.items()}
