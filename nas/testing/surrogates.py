"""What the search relies on in a surrogate.

class TestMySurrogate(SurrogateContract):
    def surrogate(self) -> Surrogate:
        return MySurrogate()
"""

import json
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from nas.surrogate import State, Surrogate
from nas.surrogate.observations import Observations
from nas.surrogate.posterior import Posterior


class SurrogateContract(ABC):
    """Tests of one surrogate, which pytest collects from subclasses."""

    @abstractmethod
    def surrogate(self) -> Surrogate:
        """A new surrogate, as cheap as its settings allow."""

    def observations(self, n: int = 16) -> Observations:
        """Two smooth functions of three inputs on different scales."""
        X = torch.rand(n, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        return Observations(X, torch.stack([3 + torch.sin(4 * X[:, 0]), 100 * X[:, 1] ** 2], dim=1))

    def inputs(self) -> Tensor:
        """New inputs, `9 x 3`."""
        return torch.rand(9, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

    def fit(self, observations: Observations, start: State | None = None, seed: int = 3) -> Posterior:
        """A new surrogate's posterior."""
        return self.surrogate().fit(observations, seed=seed, start=start)

    def test_it_predicts_in_the_observations_units(self) -> None:
        """Most of the variation is explained where observations are dense."""
        seen = self.observations(32)
        mean, variance = self.fit(Observations(seen.X[:28], seen.Y[:28])).predict(seen.X[28:])
        assert mean.shape == variance.shape == (4, 2)
        error = (mean - seen.Y[28:]).square().mean(dim=0).sqrt()
        assert bool((error < 0.5 * seen.Y.std(dim=0)).all())

    def test_the_same_seed_gives_the_same_posterior(self) -> None:
        """Nothing is kept from another fit, and torch's global generator is left alone."""
        seen, surrogate = self.observations(), self.surrogate()
        before = torch.get_rng_state()
        first = surrogate.fit(seen, seed=3).predict(self.inputs())
        surrogate.fit(self.observations(8), seed=4)
        second = surrogate.fit(seen, seed=3).predict(self.inputs())
        assert torch.equal(torch.stack(first), torch.stack(second))
        assert torch.equal(before, torch.get_rng_state())

    def test_the_arguments_stay_as_they_are(self) -> None:
        """A fit changes neither the observations nor the state that it starts from."""
        seen = self.observations()
        X, Y = seen.X.clone(), seen.Y.clone()
        state = self.fit(seen).state
        text = json.dumps(state)
        self.fit(seen, start=state)
        assert torch.equal(seen.X, X)
        assert torch.equal(seen.Y, Y)
        assert json.dumps(state) == text

    def test_a_state_survives_json(self) -> None:
        """A resumed search goes on from the very same numbers."""
        seen = self.observations()
        state = self.fit(self.observations(12)).state
        found = [self.fit(seen, start=start) for start in (state, json.loads(json.dumps(state)))]
        one, other = (torch.stack(posterior.predict(self.inputs())) for posterior in found)
        assert torch.equal(one, other)
        assert found[0].state == found[1].state

    def test_a_state_of_another_shape_does_no_harm(self) -> None:
        """A state of fewer inputs or columns may be handed over when a search has changed."""
        seen = self.observations()
        state = self.fit(Observations(seen.X[:, :2], seen.Y[:, :1])).state
        assert bool(torch.stack(self.fit(seen, start=state).predict(self.inputs())).isfinite().all())

    def test_degenerate_observations_give_finite_predictions(self) -> None:
        """One point, constants, repeated points, outliers and known noise occur in every search."""
        seen = self.observations(8)
        X, Y = seen.X, seen.Y
        constant, outlier = Y.clone(), Y.clone()
        constant[:, 0], outlier[3, 1] = 2.0, 1e6
        unknown = torch.full_like(Y, 1e-4)
        unknown[2, 0] = torch.nan
        cases = {
            "one point": Observations(X[:1], Y[:1]),
            "constant": Observations(X, constant),
            "duplicates": Observations(X[:1].repeat(8, 1), Y),
            "outlier": Observations(X, outlier),
            "known noise": Observations(X, Y, torch.full_like(Y, 1e-4)),
            "noise known in part": Observations(X, Y, unknown),
        }
        for name, case in cases.items():
            mean, variance = self.fit(case).predict(self.inputs())
            assert bool(mean.isfinite().all()), name
            assert bool((variance >= 0).all()), name
            assert bool(variance.isfinite().all()), name

    def test_diagnostics_are_one_a_column_or_none(self) -> None:
        """The report draws a row for each."""
        assert len(self.fit(self.observations(8)).diagnostics) in (0, 2)
