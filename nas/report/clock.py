"""How long a search had been going when each result came."""

from itertools import chain, pairwise

import numpy as np

from nas.study import Study

_SECONDS = 3600.0


def search_hours(study: Study) -> dict[int, float]:
    """Hours of search until the result of each trial that has ended.

    It is the wall clock while the search worked on a round: from when it began to propose the round until the
    last of its trials had ended, trainings and measurements included. Rounds that overlap count once, and
    pauses not at all: those between rounds, such as before a search goes on with a larger budget, and, where
    the study keeps its sessions, those from one's last sign of life to the next one's beginning.

    Args:
        study: The search.

    Returns:
        Trial to hours; empty where no times are kept.
    """
    times = study.times
    rounds: dict[int, list[int]] = {}
    for trial in study.history.trials:
        if trial.number in times:
            rounds.setdefault(trial.round, []).append(trial.number)
    proposing = study.suggest_seconds
    spans = np.array(
        [
            (
                min(times[number][0] for number in numbers) - proposing.get(str(one), 0.0),
                max(times[number][1] for number in numbers),
            )
            for one, numbers in rounds.items()
        ]
    ).reshape(-1, 2)
    spans = spans[np.argsort(spans[:, 0])]
    ends = np.maximum.accumulate(spans[:, 1])
    # A round counts from where those before it have ended.
    begins = np.maximum(spans[:, 0], np.append(-np.inf, ends[:-1]))
    worked = list(zip(begins, ends, strict=True))
    for (_, stopped), (went_on, _) in pairwise(study.sessions):
        parts = [((begin, min(end, stopped)), (max(begin, went_on), end)) for begin, end in worked]
        worked = [(begin, end) for begin, end in chain(*parts) if begin < end]
    begins, ends = np.array(worked).reshape(-1, 2).T
    return {
        number: float(np.clip(times[number][1] - begins, 0.0, ends - begins).sum()) / _SECONDS
        for numbers in rounds.values()
        for number in numbers
    }
