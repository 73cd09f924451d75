"""The SAAS surrogate: its draws, its warm start, bad data, and what happens when chains fail."""

import logging

import pytest
import torch
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
from botorch.sampling.normal import SobolQMCNormalSampler
from torch import Tensor

# Importing it keeps BoTorch from compiling its C++ kernel.
import nas.candidates  # noqa: F401
from nas.surrogate import diagnostics
from nas.surrogate.errors import SurrogateError
from nas.surrogate.observations import Observations
from nas.surrogate.posterior import Posterior
from nas.surrogate.saas import SaasSurrogate


def quick(**settings: int | bool) -> SaasSurrogate:
    return SaasSurrogate(**({"warmup": 64, "samples": 64, "thinning": 8, "max_tree_depth": 4} | settings))  # type: ignore[arg-type]


def data(n: int, d: int = 4, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    X = torch.rand(n, d, generator=generator, dtype=torch.float64)
    noise = 0.05 * torch.randn(n, 2, generator=generator, dtype=torch.float64)
    return X, torch.stack([100 + 10 * torch.sin(4 * X[:, 0]), X[:, 1] * X[:, 0]], -1) + noise


@pytest.fixture(scope="module")
def fitted() -> Posterior:
    return quick().fit(Observations(*data(30)), seed=0)


def test_predictions_are_in_the_objectives_units(fitted: Posterior) -> None:
    X, Y = data(50, seed=1)
    error = fitted.predict(X)[0] - Y
    assert bool((error.square().mean(dim=0).sqrt() < 0.3 * Y.std(dim=0)).all())
    assert all(len(members) == 8 and members.drawn for members in fitted.members)


def test_the_relevant_dimension_has_the_shortest_lengthscale(fitted: Posterior) -> None:
    scales = fitted.members[0].lengthscale
    assert scales.shape == (8, 4)
    assert scales.median(0).values.argmin() == 0


def test_botorchs_acquisition_functions_take_the_adapter(fitted: Posterior) -> None:
    X, Y = data(30)
    model = fitted.to_botorch()
    sampler = SobolQMCNormalSampler(torch.Size([16]), seed=0)
    candidates = torch.rand(3, 2, 4, dtype=torch.float64).requires_grad_()
    several = qLogNoisyExpectedHypervolumeImprovement(
        model, Y.min(0).values.tolist(), X, sampler=sampler, X_pending=X[:1] + 0.01
    )
    single = qLogNoisyExpectedImprovement(model.models[0], X, sampler=sampler)
    for acquisition in (several, single):
        value = acquisition(candidates)
        assert value.shape == (3,)
        (gradient,) = torch.autograd.grad(value.sum(), candidates)
        assert gradient.isfinite().all()


def test_another_seed_gives_other_draws() -> None:
    one, other = (quick().fit(Observations(*data(15)), seed=seed).members[0].lengthscale for seed in (3, 4))
    assert not torch.equal(one, other)


def test_a_fit_with_a_state_starts_warm_and_one_that_must_not_starts_cold() -> None:
    X, Y = data(40)
    surrogate = quick(warm_warmup=16)
    cold = surrogate.fit(Observations(X[:30], Y[:30]), seed=0)
    warm = surrogate.fit(Observations(X, Y), seed=0, start=cold.state)
    for before, after in zip(cold.diagnostics, warm.diagnostics, strict=True):
        assert not before.warm
        assert after.warm or after.refits
    always_cold = quick(warm_start=False).fit(Observations(X[:20], Y[:20]), seed=0, start=cold.state)
    assert not any(one.warm for one in always_cold.diagnostics)


def test_known_noise_is_used() -> None:
    X, Y = data(20)
    certain, vague = (
        quick().fit(Observations(X, Y, torch.full_like(Y, noise)), seed=0).predict(X)[1][:, 0]
        for noise in (1e-6, 30.0)
    )
    assert bool((certain < vague).all())


@pytest.mark.long
def test_a_thousand_observations() -> None:
    X, Y = data(1000)
    posterior = quick(warmup=8, samples=8, thinning=8, max_tree_depth=2).fit(Observations(X, Y), seed=0)
    assert posterior.predict(X[:5])[0].isfinite().all()


def test_chains_that_do_not_converge_are_refitted_then_replaced(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # No chain can be this good, so both attempts fail their check.
    monkeypatch.setattr(diagnostics, "MAX_RHAT", 0.5)
    with caplog.at_level(logging.INFO):
        posterior = quick().fit(Observations(*data(12)), seed=0)
    assert all(one.fallback and one.refits == 1 for one in posterior.diagnostics)
    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 2
    assert all("did not converge" in message for message in warnings)
    assert "MAP-SAAS instead" in posterior.diagnostics[0].line()
    # Modes stand in for the draws, and the next fit starts cold.
    assert not any(members.drawn for members in posterior.members)
    assert posterior.state == {"chains": [[], []]}


def test_settings_are_checked() -> None:
    with pytest.raises(SurrogateError, match="choose one of: botorch, paper"):
        SaasSurrogate(prior="flat")
    with pytest.raises(SurrogateError, match="at least 8 a chain"):
        SaasSurrogate(samples=16, chains=4)
