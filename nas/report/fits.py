"""What surrogates say of a search, fitted once and shared by the cards that look at them. Slow to import."""

import logging
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from nas.errors import ReportError
from nas.study import History
from nas.surrogate import Surrogate
from nas.surrogate.gp import GpSurrogate
from nas.surrogate.observations import Observations, prepare
from nas.surrogate.posterior import Posterior
from nas.surrogate.saas import SaasSurrogate
from nas.threads import torch_threads

MIN_TRIALS = 4
SEED = 0
# One warm-up, of a length that suffices, is most of what a report waits for. More draws than a search keeps:
# the tails of the leave-one-out weights are fitted to them.
SURROGATES: dict[str, Surrogate] = {"SAAS": SaasSurrogate(warmup=128, thinning=4), "MAP": GpSurrogate()}
# Variation that rounding explains, relative to the values.
_ROUNDING = 1e-12

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fit:
    """A surrogate's posterior of the objectives that vary.

    Attributes:
        posterior: One column an objective that varies, in units of the reference, to be maximised.
        varying: The indices of those objectives.
        outliers: How many values were so bad that they count as the worst ordinary one.
    """

    posterior: Posterior
    varying: tuple[int, ...]
    outliers: int

    def caption(self, history: History) -> str:
        """What a reader must know of the data, to be put behind a caption."""
        names = [name for i, name in enumerate(history.goals.names) if i not in self.varying]
        text = f" Constant in all trials, so left out: {', '.join(names)}." if names else ""
        if self.outliers:
            values = "1 value" if self.outliers == 1 else f"{self.outliers} values"
            text += f" As in a search, {values} far worse than the others count as the worst of those."
        return text


def fit(history: History, name: str) -> Fit:
    """Fits a surrogate, or takes the fit made before to the same results.

    Says on the log what is fitted and about how long that takes.

    Args:
        history: The completed trials inside the space are fitted.
        name: Of one of `SURROGATES`.

    Raises:
        ReportError: If they are fewer than four, or all objectives are constant.
    """
    trials = [trial for trial in history.completed if history.space.contains(trial.point)]
    if len(trials) < MIN_TRIALS:
        raise ReportError(
            f"{len(trials)} trials have completed, and a surrogate needs {MIN_TRIALS}; let the search go on."
        )
    X, Y = history.space.encode([trial.point for trial in trials]), history.values(trials)
    varying = tuple(np.flatnonzero(np.ptp(Y, axis=0) > _ROUNDING * np.abs(Y).max(axis=0)).tolist())
    if not varying:
        raise ReportError("every objective is the same in all trials, so there is nothing to explain.")
    columns = list(varying)
    posterior, outliers = _fit(
        name, len(X), X.tobytes(), Y[:, columns].tobytes(), history.reference[columns].tobytes()
    )
    return Fit(posterior, varying, outliers)


@lru_cache(maxsize=8)
def _fit(name: str, n: int, X: bytes, Y: bytes, reference: bytes) -> tuple[Posterior, int]:
    """The posterior of `n` observations, whose arrays' bytes tell them from others, and how many outliers."""
    given = Observations(_tensor(X).reshape(n, -1), _tensor(Y).reshape(n, -1))
    logger.info("Fitting %s to %d trials.", name, n)
    prepared = prepare(given, _tensor(reference))
    # Matrices are small, and threads cost more than they give: on busy cores, minutes.
    with torch_threads(1):
        posterior = SURROGATES[name].fit(prepared.observations, seed=SEED)
    moved = prepared.observations.Y * torch.tensor(prepared.units) != given.Y
    return prepared.restore(posterior), int(moved.sum())


def _tensor(values: bytes) -> torch.Tensor:
    return torch.from_numpy(np.frombuffer(values, dtype=np.float64).copy())
