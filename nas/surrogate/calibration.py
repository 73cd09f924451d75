"""Simulation-based calibration: is the sampler's posterior the posterior?

Hyperparameters are drawn from the prior, data from the model given them, and the posterior is sampled given
the data. If the sampler is right, the rank of each true value among the posterior draws is uniform.

References:
    Talts, Betancourt, Simpson, Vehtari, Gelman, "Validating Bayesian Inference Algorithms with
    Simulation-Based Calibration", 2018.
"""

from typing import Any

import numpy as np
import pyro
import torch
from numpy.typing import NDArray
from scipy import stats

from nas.surrogate.chains import climb_from
from nas.surrogate.nuts import NutsConfig, laplace_start, sample_chain
from nas.surrogate.saas_density import SaasDensity
from nas.surrogate.saas_prior import PRIORS, Vector
from nas.surrogate.saas_pyro import pyro_model

# Every draw kept is this many steps from the last, so that ranks are close to those of independent draws.
_THINNING = 8


def ranks(
    simulations: int, *, n: int, d: int, draws: int, seed: int, prior: str = "botorch"
) -> NDArray[np.int64]:
    """Simulate and rank.

    Args:
        simulations: How often to draw from the prior.
        n: Observations a simulation.
        d: Dimensions.
        draws: Posterior draws kept a simulation.
        seed: Seed of all randomness.
        prior: A key of `PRIORS`.

    Returns:
        `simulations x size` ranks in 0 ... draws.
    """
    rng = np.random.default_rng(seed)
    found = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for _ in range(simulations):
            X = rng.random((n, d))
            truth, y = _simulate(X, prior)
            density = SaasDensity(PRIORS[prior], X, y)
            start = laplace_start(density, climb_from(density, rng), rng)
            config = NutsConfig(warmup=300, samples=_THINNING * draws)
            chain = sample_chain(density, start, config, rng, warm=False)
            found.append((chain.draws[_THINNING - 1 :: _THINNING] < truth).sum(0))
    return np.stack(found)


def uniformity(found: NDArray[np.int64], draws: int, bins: int = 8) -> Vector:
    """P-values of a chi-squared test of each hyperparameter's ranks against the uniform distribution.

    Args:
        found: `simulations x size` ranks in 0 ... draws.
        draws: Posterior draws a simulation; `draws + 1` should be a multiple of `bins`.
        bins: Cells of the histogram.

    Returns:
        `size` p-values.
    """
    edges = np.linspace(0, draws + 1, bins + 1) - 0.5
    counts = [np.histogram(column, edges)[0] for column in found.T]
    return np.array([stats.chisquare(count).pvalue for count in counts])


def _simulate(X: Vector, prior: str) -> tuple[Vector, Vector]:
    """Draw unconstrained hyperparameters from the Pyro model and observations given them."""
    inputs = torch.from_numpy(X)
    model = pyro_model(PRIORS[prior], inputs, None)
    trace = pyro.poutine.trace(model).get_trace()
    sites: dict[str, Any] = {
        name: site["value"] for name, site in trace.nodes.items() if site["type"] == "sample"
    }
    positive = [sites[name].reshape(-1).log() for name in ("noise", "outputscale", "tausq", "local")]
    mean = [sites["mean"].reshape(-1)] if "mean" in sites else []
    return torch.cat([*mean, *positive]).numpy(), sites["y"].numpy()
