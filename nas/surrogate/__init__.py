"""Surrogate models: what the trials so far say about the objectives and constraints."""

from typing import TYPE_CHECKING, Any, Protocol

# Processes that only sample import this package too, and start seconds sooner without BoTorch.
if TYPE_CHECKING:
    from nas.surrogate.observations import Observations
    from nas.surrogate.posterior import Posterior

# What one fit hands to the next, as JSON can hold it.
State = dict[str, Any]


class Surrogate(Protocol):
    """A probabilistic model of some functions on the unit cube; it remembers nothing between fits."""

    def fit(self, observations: "Observations", *, seed: int, start: State | None = None) -> "Posterior":
        """Fits the model.

        Args:
            observations: Of all functions at the same inputs.
            seed: Seed of all randomness; the same arguments give the same posterior.
            start: The `state` of an earlier fit's posterior to start from; None: a cold start.

        Returns:
            Independent posteriors, one a column, in the observations' own units.
        """
