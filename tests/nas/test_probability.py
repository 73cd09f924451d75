"""The probability of beating the reference, against simulation and BoTorch's own posterior."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from nas.probability import beliefs
from nas.space import FloatParameter, Point, Space
from nas.study import Goals, Proposal, Study, Suggestion
from nas.surrogate import State
from nas.surrogate.observations import Observations
from nas.surrogate.posterior import Members, Posterior

SPACE = Space((FloatParameter("a", 0.0, 1.0), FloatParameter("b", 0.0, 1.0)))
DIRECTIONS = {"gain": "maximize", "cost": "minimize"}


class Fixed:
    """A surrogate with given hyperparameters, an ensemble of two; remembers what it was asked for."""

    seen: Posterior

    def fit(self, observations: Observations, *, seed: int, start: State | None = None) -> Posterior:
        X, Y = observations.X, observations.Y

        def members(y: torch.Tensor) -> Members:
            scale, shift = float(y.std()), float(y.mean())
            noise = torch.tensor([[0.05], [0.2]], dtype=X.dtype).expand(2, len(X))
            return Members(
                X=X,
                y=(y - shift) / scale,
                mean=torch.tensor([0.1, -0.2], dtype=X.dtype),
                outputscale=torch.tensor([1.0, 1.5], dtype=X.dtype),
                lengthscale=torch.tensor([[0.5, 0.8], [0.9, 0.4]], dtype=X.dtype),
                noise=noise,
                scale=scale,
                shift=shift,
            )

        self.seen = Posterior(tuple(members(column) for column in Y.T))
        return self.seen


def make(goals: Goals, n: int = 12, reference: Point | None = None, seed: int = 0) -> Study:
    """A search of noisy points whose reference, the first, is in the middle of its results."""
    rng = np.random.default_rng(seed)
    study = Study(SPACE, goals)
    points: list[Any] = SPACE.decode(rng.random((n, 2)))
    points[0] = reference or {"a": 0.5, "b": 0.5}
    origins = ["reference", *["sobol"] * (n - 1)]
    for trial in study.add(Suggestion(tuple(map(Proposal, points, origins)))):
        a, b = float(trial.point["a"]), float(trial.point["b"])  # type: ignore[arg-type]
        noise = rng.normal(0, 0.1, 3)
        metrics = {"gain": 3 + a + noise[0], "cost": 2 - b + noise[1], "size": 1 + a * b + noise[2]}
        study.complete(trial.number, metrics, seconds=1.0)
    return study


def simulate(posterior: Posterior, sense: Sequence[float], units: Sequence[float]) -> Any:
    """Draws of the noise-free metrics at all trials, `draws x n x k`, the reference first, from BoTorch."""
    draws = []
    X = posterior.members[0].X
    for column, members in enumerate(posterior.members):
        each = []
        for s in range(len(members)):
            names = ("mean", "outputscale", "lengthscale", "noise")
            one = replace(members, **{name: getattr(members, name)[s : s + 1] for name in names})
            joint = Posterior((one,)).to_botorch().models[0].posterior(X)
            mean, covariance = joint.mean.squeeze(-1), joint.distribution.covariance_matrix
            normal = np.random.default_rng(s).multivariate_normal(
                mean.detach().numpy(), covariance.detach().numpy(), 40_000
            )
            each.append(normal)
        draws.append(np.concatenate(each) * units[column] * sense[column])
    return np.stack(draws, axis=-1)


@pytest.mark.parametrize(
    "constraints",
    [
        (),
        ("size <= 1.6",),
        ("size <= 1.1 * reference",),
        ("size >= 0.9 * reference", "size <= 1.6", "gain >= 3.2"),
    ],
)
def test_it_is_that_of_simulated_functions(constraints: tuple[str, ...]) -> None:
    history = make(Goals.of(DIRECTIONS, constraints)).history
    surrogate = Fixed()
    found = beliefs(history, surrogate)
    assert found is not None
    sense = [1.0, -1.0, *([-1.0 if "<=" in constraints[0] else 1.0] if constraints else [])]
    # The surrogate saw units of powers of two; two columns' draws of different members are independent.
    units = [
        float(2.0 ** np.round(np.log2(np.std([t.metrics[name] for t in history.trials]) / column.scale)))  # type: ignore[arg-type]
        for name, column in zip(history.goals.metrics, surrogate.seen.members, strict=True)
    ]
    draws = simulate(surrogate.seen, sense, units)
    rng = np.random.default_rng(1)
    gain, cost, *size = (rng.permutation(draws[..., k]) for k in range(draws.shape[-1]))
    beats = (gain > gain[:, :1]) & (cost < cost[:, :1])
    for text in constraints:
        values = gain if "gain" in text else size[0]
        bound = float(text.split()[2]) * (values[:, :1] if "reference" in text else 1.0)
        beats &= values <= bound if "<=" in text else values >= bound
    for number, p in found.p_beats.items():
        assert p == pytest.approx(beats[:, number].mean(), abs=0.01)
    assert 0 not in found.p_beats
    assert max(found.p_beats.values()) > 0.05


def test_a_reference_outside_the_space_counts_with_the_noise() -> None:
    near, far = (make(Goals.of({"gain": "maximize"}), reference=p) for p in (None, {"a": 0.5, "b": 1.5}))
    inside, outside = (beliefs(study.history, Fixed()) for study in (near, far))
    assert inside is not None
    assert outside is not None
    assert outside.p_beats.keys() == inside.p_beats.keys()
    assert 0 < min(outside.p_beats.values()) < max(outside.p_beats.values()) < 1
    assert 0 in inside.front | {0}
    assert 0 not in outside.front


@pytest.mark.parametrize("unit", [1e-12, 1e12])
def test_units_do_not_matter(unit: float) -> None:
    study = make(Goals.of(DIRECTIONS))
    scaled = Study(SPACE, study.goals)
    scaled.add(Suggestion(tuple(Proposal(t.point, t.origin) for t in study.history.trials)))
    for trial in study.history.trials:
        metrics = {name: float(value or 0) * unit for name, value in trial.metrics.items()}
        scaled.complete(trial.number, metrics, seconds=1.0)
    one, other = beliefs(study.history), beliefs(scaled.history)
    assert one is not None
    assert other is not None
    assert list(other.p_beats.values()) == pytest.approx(list(one.p_beats.values()), abs=1e-3)
    assert other.front == one.front


def test_few_trials_say_nothing_and_no_reference_leaves_the_front() -> None:
    goals = Goals.of(DIRECTIONS)
    assert beliefs(make(goals, 3).history) is None
    study = make(goals)
    alone = Study(SPACE, goals, trials=[replace(t, origin="sobol") for t in study.history.trials])
    found = beliefs(alone.history)
    assert found is not None
    assert found.p_beats == {}
    assert found.front
    # Fitted once for a history.
    assert beliefs(alone.history) is found


def test_a_diverged_trial_beats_nothing() -> None:
    study = make(Goals.of({"gain": "maximize"}))
    low = study.add(Suggestion((Proposal({"a": 0.9, "b": 0.9}, "sobol"),)))[0]
    study.complete(low.number, {"gain": -1e6}, seconds=1.0)
    found = beliefs(study.history)
    assert found is not None
    assert found.p_beats[low.number] == 0
    assert low.number not in found.front


def test_a_fixed_point_is_known_without_noise() -> None:
    study = make(Goals.of({"gain": "maximize"}))
    found = [beliefs(replace(study.history, fixed_reference=(bound,)), Fixed()) for bound in (-1e3, 3.5, 1e3)]
    low, middle, high = (one.p_beats if one else {} for one in found)
    assert min(low[number] for number in range(1, 12)) > 0.999
    assert any(0.001 < p < 0.999 for p in middle.values())
    assert max(high.values()) < 0.001
