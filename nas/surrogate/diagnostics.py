"""Whether a fit can be trusted: convergence diagnostics of the sampler's chains.

References:
    Vehtari, Gelman, Simpson, Carpenter, Bürkner, "Rank-Normalization, Folding, and Localization: An Improved
    R-hat", Bayesian Analysis 2021.
    Betancourt, "Diagnosing Suboptimal Cotangent Disintegrations", 2016 (E-BFMI).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from arviz_stats.base import array_stats

from nas.surrogate.nuts import Chain
from nas.surrogate.trajectory import Vector

# With a few hundred draws in about thirty dimensions the largest R-hat of a good fit lies near 1.05.
MAX_RHAT = 1.1
# Fewer independent draws than this do not show more than one mode.
MIN_ESS = 10.0
MAX_DIVERGENT = 0.1


@dataclass(frozen=True)
class FitDiagnostics:
    """What is known of one objective's fit; the extremes are over all hyperparameters and the log density.

    Attributes:
        objective: Index of the objective.
        observations: n.
        warm: Started from the last batch's posterior.
        rhat: Largest rank-normalised split R-hat; 1 is perfect.
        ess_bulk: Smallest bulk effective sample size.
        ess_tail: Smallest tail effective sample size.
        divergences: Divergent trajectories among the kept ones.
        tree_depth: Mean depth of the kept trajectories.
        saturated: Fraction of the kept trajectories that reached the depth's cap.
        step_size: Mean adapted step size over the chains.
        ebfmi: Smallest energy Bayesian fraction of missing information over the chains; below 0.3 is bad.
        leapfrogs: Gradients in all, warm-up included.
        draws: Kept draws over all chains, before thinning.
        refits: How many earlier attempts did not converge.
        fallback: The objective uses MAP-SAAS instead, as no attempt converged.
        seconds: Wall time of all attempts.
    """

    objective: int
    observations: int
    warm: bool
    rhat: float
    ess_bulk: float
    ess_tail: float
    divergences: int
    tree_depth: float
    saturated: float
    step_size: float
    ebfmi: float
    leapfrogs: int
    draws: int
    refits: int = 0
    fallback: bool = False
    seconds: float = 0.0

    @property
    def converged(self) -> bool:
        """Whether the draws may stand for the posterior."""
        return (
            self.rhat <= MAX_RHAT
            and self.ess_bulk >= MIN_ESS
            and self.divergences <= MAX_DIVERGENT * self.draws
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers, for the study and for JSON."""
        return asdict(self) | {"converged": self.converged}

    def line(self) -> str:
        """One line for the log."""
        start = "warm" if self.warm else "cold"
        outcome = (
            "MAP-SAAS instead" if self.fallback else ("converged" if self.converged else "NOT converged")
        )
        return (
            f"objective {self.objective}: {outcome}, n={self.observations}, {start}, R-hat {self.rhat:.3f}, "
            f"ESS bulk {self.ess_bulk:.0f} tail {self.ess_tail:.0f}, {self.divergences} divergences, "
            f"depth {self.tree_depth:.1f}, step {self.step_size:.2g}, E-BFMI {self.ebfmi:.2f}, "
            f"{self.refits} refits, {self.seconds:.1f} s"
        )


def diagnose(chains: Sequence[Chain], *, objective: int, observations: int, warm: bool) -> FitDiagnostics:
    """Compute the diagnostics of one objective's chains.

    Args:
        chains: At least one chain, all of the same length of 8 draws or more.
        objective: Index of the objective.
        observations: Number of observations fitted.
        warm: Whether the chains started from the last posterior.

    Returns:
        The diagnostics, as of the first attempt.
    """
    series = [
        np.stack([np.column_stack([chain.draws, chain.log_density])[:, i] for chain in chains])
        for i in range(chains[0].draws.shape[1] + 1)
    ]
    depth = np.concatenate([chain.depth for chain in chains])
    return FitDiagnostics(
        objective=objective,
        observations=observations,
        warm=warm,
        rhat=max(rhat(one) for one in series),
        ess_bulk=min(effective_sample_size(one) for one in series),
        ess_tail=min(float(array_stats.ess(one, method="tail", prob=(0.05, 0.95))) for one in series),
        divergences=int(sum(chain.diverging.sum() for chain in chains)),
        tree_depth=float(depth.mean()),
        saturated=float(np.mean([chain.saturated for chain in chains])),
        step_size=float(np.mean([chain.end.step_size for chain in chains])),
        ebfmi=min(float(array_stats.bfmi(chain.energy[None])[0]) for chain in chains),
        leapfrogs=int(sum(chain.warmup_leapfrogs + chain.leapfrogs.sum() for chain in chains)),
        draws=len(depth),
    )


def effective_sample_size(draws: Vector) -> float:
    """Bulk effective sample size (Vehtari et al. 2021).

    Args:
        draws: `chains x draws` of one quantity.
    """
    return float(array_stats.ess(draws, method="bulk"))


def rhat(draws: Vector) -> float:
    """Rank-normalised split R-hat (Vehtari et al. 2021); a single chain is compared with itself in quarters.

    Args:
        draws: `chains x draws` of one quantity.

    Returns:
        R-hat; infinite where a chain did not move.
    """
    if len(draws) == 1:
        # The library wants two chains; it splits each once more.
        half = draws.shape[1] // 2
        draws = np.stack([draws[0, :half], draws[0, half : 2 * half]])
    if np.ptp(draws) == 0:
        return float("inf")
    return float(array_stats.rhat(draws, method="rank"))
