"""Whole functions drawn from a posterior, cheap to evaluate at any number of inputs.

A draw is one from the prior, as a sum of random cosines, plus the correction that makes it agree with the
observations.

References:
    Wilson, Borovitskiy, Terenin, Mostowsky, Deisenroth, "Pathwise Conditioning of Gaussian Processes", JMLR
    2021, equation 13.
    Rahimi and Recht, "Random Features for Large-Scale Kernel Machines", NeurIPS 2007.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nas.surrogate.posterior import ConditionedMembers, Members

# Cosines in a draw from the prior; its covariances are right to about one in the root of this.
FEATURES = 512
# Inputs that are worked on at once, so that all of their numbers fit a processor's cache.
_AT_ONCE = 512
# A Matern-5/2 kernel's spectral density is that of a Student t distribution with so many degrees of freedom.
_FREEDOM = 5.0


@dataclass(frozen=True)
class Paths:
    """Functions drawn from one column's posterior, in standardised units: one a member, noise-free.

    Attributes:
        members: `s` GPs.
        frequencies: `s x F x d`, angular.
        phases: `s x F`.
        amplitudes: `s x F`.
        weights: `s x n`, of the kernel's bumps at the observed inputs.
    """

    members: Members
    frequencies: Tensor
    phases: Tensor
    amplitudes: Tensor
    weights: Tensor

    def __call__(self, X: Tensor) -> Tensor:
        """The functions' values.

        Args:
            X: `b x d` inputs in the unit cube.

        Returns:
            `s x b` values.
        """
        parts = torch.split(X, _AT_ONCE)
        return torch.stack(
            [torch.cat([self._value(i, part) for part in parts]) for i in range(len(self.members))]
        )

    def _value(self, i: int, X: Tensor) -> Tensor:
        one = self.members.take(torch.tensor([i]))
        update = one.kernel(X, one.X)[0] @ self.weights[i]
        return one.mean + _prior(X, self.frequencies[i], self.phases[i], self.amplitudes[i]) + update


def draw_paths(members: Members, rng: np.random.Generator) -> Paths:
    """Draws one function for each member; a member that is repeated gives different functions.

    Args:
        members: `s` GPs.
        rng: Source of randomness.
    """
    (s, d), n = members.lengthscale.shape, len(members.X)
    freedom = torch.from_numpy(rng.chisquare(_FREEDOM, (s, FEATURES, 1)))
    normals = torch.from_numpy(rng.standard_normal((s, FEATURES, d)))
    frequencies = normals / members.lengthscale[:, None, :] * (_FREEDOM / freedom).sqrt()
    phases = torch.from_numpy(rng.uniform(0.0, 2 * math.pi, (s, FEATURES)))
    scale = (2 * members.outputscale / FEATURES).sqrt()[:, None]
    amplitudes = scale * torch.from_numpy(rng.standard_normal((s, FEATURES)))
    noise = members.noise.sqrt() * torch.from_numpy(rng.standard_normal((s, n)))
    prior = torch.stack([_prior(members.X, frequencies[i], phases[i], amplitudes[i]) for i in range(s)])
    factor = ConditionedMembers.given(members, members.X[:0], torch.zeros(1, 0, dtype=members.X.dtype))
    residual = (members.y - members.mean[:, None] - prior - noise).unsqueeze(-1)
    weights = factor.inverse.transpose(-1, -2) @ (factor.inverse @ residual)
    return Paths(members, frequencies, phases, amplitudes, weights.squeeze(-1))


def _prior(X: Tensor, frequencies: Tensor, phases: Tensor, amplitudes: Tensor) -> Tensor:
    """One draw from the prior without its mean, at `b x d` inputs."""
    values: Tensor = torch.addmm(phases, X, frequencies.T).cos_() @ amplitudes
    return values
