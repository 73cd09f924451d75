"""What surrogates are fitted to for the cards that look at them. Slow to import: torch."""

import torch

from nas.errors import ReportError
from nas.study import History
from nas.surrogate.observations import Observations

MIN_TRIALS = 4
# More draws than a search keeps: the tails of the leave-one-out weights are fitted to them.
THINNING = 4
SEED = 0


def observations(history: History) -> Observations:
    """The objectives of the completed trials inside the space, in units of the reference.

    Raises:
        ReportError: If they are fewer than four.
    """
    trials = [trial for trial in history.completed if history.space.contains(trial.point)]
    if len(trials) < MIN_TRIALS:
        raise ReportError(
            f"{len(trials)} trials have completed, and a surrogate needs {MIN_TRIALS}; let the search go on."
        )
    X = torch.from_numpy(history.space.encode([trial.point for trial in trials]))
    return Observations(X, torch.from_numpy(history.values(trials)))
