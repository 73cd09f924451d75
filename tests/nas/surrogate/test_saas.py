"""The SAAS surrogate: its BoTorch model, its warm start, bad data, and what happens when chains fail."""

import logging

import pytest
import torch
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
from botorch.models.model_list_gp_regression import ModelListGP
from botorch.sampling.normal import SobolQMCNormalSampler
from torch import Tensor

# Importing it keeps BoTorch from compiling its C++ kernel.
import nas.acquisition  # noqa: F401
from nas.surrogate import diagnostics
from nas.surrogate.errors import SurrogateError
from nas.surrogate.map_saas import MapSaasSurrogate
from nas.surrogate.saas import SaasSurrogate
from nas.surrogate.saas_model import SaasGP, lengthscales


def quick(**settings: int | bool) -> SaasSurrogate:
    return SaasSurrogate(**({"warmup": 64, "samples": 64, "thinning": 8, "max_tree_depth": 4} | settings))  # type: ignore[arg-type]


def data(n: int, d: int = 4, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    X = torch.rand(n, d, generator=generator, dtype=torch.float64)
    noise = 0.05 * torch.randn(n, 2, generator=generator, dtype=torch.float64)
    return X, torch.stack([100 + 10 * torch.sin(4 * X[:, 0]), X[:, 1] * X[:, 0]], -1) + noise


@pytest.fixture(scope="module")
def fitted() -> tuple[SaasSurrogate, ModelListGP, Tensor, Tensor]:
    X, Y = data(30)
    surrogate = quick()
    return surrogate, surrogate.fit(X, Y, seed=0), X, Y


def test_predictions_are_in_the_objectives_units(
    fitted: tuple[SaasSurrogate, ModelListGP, Tensor, Tensor],
) -> None:
    _, model, _, _ = fitted
    X, Y = data(50, seed=1)
    for i, single in enumerate(model.models):
        error = single.posterior(X).mixture_mean.squeeze(-1) - Y[:, i]
        assert error.square().mean().sqrt() < 0.3 * Y[:, i].std()
        assert single.num_mcmc_samples == 8


def test_the_relevant_dimension_has_the_shortest_lengthscale(
    fitted: tuple[SaasSurrogate, ModelListGP, Tensor, Tensor],
) -> None:
    scales = lengthscales(fitted[1].models[0])
    assert scales.shape == (8, 4)
    assert scales.median(0).values.argmin() == 0


def test_acquisition_functions_take_the_model(
    fitted: tuple[SaasSurrogate, ModelListGP, Tensor, Tensor],
) -> None:
    _, model, X, Y = fitted
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


def test_conditioning_and_fantasies(fitted: tuple[SaasSurrogate, ModelListGP, Tensor, Tensor]) -> None:
    model = fitted[1].models[0]
    X_new, Y_new = data(5, seed=2)
    before = model.posterior(X_new).mixture_variance
    conditioned = model.condition_on_observations(X_new, Y_new[:, :1])
    assert (conditioned.posterior(X_new).mixture_variance < before).all()
    fantasies = model.fantasize(X_new, SobolQMCNormalSampler(torch.Size([3]), seed=0))
    assert fantasies.posterior(X_new).mean.shape[:2] == (3, 8)


def test_state_dict_restores_the_ensemble(fitted: tuple[SaasSurrogate, ModelListGP, Tensor, Tensor]) -> None:
    _, model, X, Y = fitted
    restored = SaasGP(X, Y[:, :1])
    restored.load_state_dict(model.models[0].state_dict())
    restored.eval()
    X_new, _ = data(5, seed=3)
    torch.testing.assert_close(restored.posterior(X_new).mean, model.models[0].posterior(X_new).mean)


def test_same_seed_same_model() -> None:
    X, Y = data(15)
    one, two, other = (quick().fit(X, Y, seed=seed).models[0] for seed in (3, 3, 4))
    assert torch.equal(lengthscales(one), lengthscales(two))
    assert not torch.equal(lengthscales(one), lengthscales(other))


def test_the_second_fit_starts_warm_and_spends_less() -> None:
    X, Y = data(40)
    surrogate = quick(warm_warmup=16)
    surrogate.fit(X[:30], Y[:30], seed=0)
    cold = surrogate.diagnostics
    surrogate.fit(X, Y, seed=0)
    for before, after in zip(cold, surrogate.diagnostics, strict=True):
        assert not before.warm
        assert after.warm or after.refits
    always_cold = quick(warm_start=False)
    for _ in range(2):
        always_cold.fit(X[:20], Y[:20], seed=0)
    assert not any(one.warm for one in always_cold.diagnostics)


def test_known_noise_is_used() -> None:
    X, Y = data(20)
    certain = quick().fit(X, Y, torch.full_like(Y, 1e-6), seed=0).models[0].posterior(X).mixture_variance
    vague = quick().fit(X, Y, torch.full_like(Y, 30.0), seed=0).models[0].posterior(X).mixture_variance
    assert (certain < vague).all()


def degenerate(kind: str) -> tuple[Tensor, Tensor]:
    X, Y = data(16)
    if kind == "constant":
        Y[:, 0] = 7.0
    elif kind == "duplicates":
        X[8:], Y[8:] = X[:8], Y[:8]
    elif kind == "all at one point":
        X[:] = 0.5
    elif kind == "one point":
        X, Y = X[:1], Y[:1]
    elif kind == "outlier":
        Y[3, 0] = 1e6
    return X, Y


@pytest.mark.parametrize("surrogate", [quick(), MapSaasSurrogate(2)], ids=["saas", "map_saas"])
@pytest.mark.parametrize("kind", ["constant", "duplicates", "all at one point", "one point", "outlier"])
def test_degenerate_data(kind: str, surrogate: SaasSurrogate | MapSaasSurrogate) -> None:
    X, Y = degenerate(kind)
    posterior = surrogate.fit(X, Y, seed=0).posterior(data(6, seed=1)[0])
    assert posterior.mean.isfinite().all()
    assert posterior.variance.isfinite().all()


@pytest.mark.long
def test_a_thousand_observations() -> None:
    X, Y = data(1000)
    model = quick(warmup=8, samples=8, thinning=8, max_tree_depth=2).fit(X, Y, seed=0)
    assert model.posterior(X[:5]).mean.isfinite().all()


def test_chains_that_do_not_converge_are_refitted_then_replaced(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    X, Y = data(12)
    # No chain can be this good, so both attempts fail their check.
    monkeypatch.setattr(diagnostics, "MAX_RHAT", 0.5)
    surrogate = quick()
    with caplog.at_level(logging.INFO):
        model = surrogate.fit(X, Y, seed=0)
    assert all(one.fallback and one.refits == 1 for one in surrogate.diagnostics)
    assert all(
        "did not converge" in record.message for record in caplog.records if record.levelname == "WARNING"
    )
    assert sum(record.levelname == "WARNING" for record in caplog.records) == 2
    assert "MAP-SAAS instead" in surrogate.diagnostics[0].line()
    acquisition = qLogNoisyExpectedHypervolumeImprovement(
        model, Y.min(0).values.tolist(), X, sampler=SobolQMCNormalSampler(torch.Size([16]), seed=0)
    )
    assert acquisition(X[:1, None] + 0.01).isfinite().all()


def test_settings_are_checked() -> None:
    with pytest.raises(SurrogateError, match="choose one of: botorch, paper"):
        SaasSurrogate(prior="flat")
    with pytest.raises(SurrogateError, match="at least 8 a chain"):
        SaasSurrogate(samples=16, chains=4)
