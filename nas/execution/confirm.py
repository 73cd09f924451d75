"""Confirming what a search found: the most promising trials and the reference, again, with new seeds.

Of many noisy results the best is too good. So a search ends by running its finds again, side by side with the
reference, and what is said of them rests on these repetitions alone (`nas.confirmed`).
"""

from typing import TYPE_CHECKING

import numpy as np

from nas.pareto import hypervolume
from nas.space import Point
from nas.study import History, Study, Trial
from nas.study.trials import TrialState

if TYPE_CHECKING:
    from nas.execution.loop import Plan

# Probabilities that differ by less than half of it are a tie, and one below it is no chance.
_TIE = 0.05


def begin(study: Study, plan: "Plan") -> list[Trial]:
    """Adds the repetitions that a search whose budget is spent still owes.

    The same results are confirmed once, however often the search is started; another number of results, as
    after a larger budget, is confirmed anew.

    Returns:
        The repetitions that wait for a job.
    """
    history = study.history
    reason = {"completed": len(history.completed), "confirm": plan.confirm, "repetitions": plan.repetitions}
    if plan.confirm and study.repeated_for != reason and (chosen := choose(history, plan.confirm)):
        if history.reference_trial is not None:
            chosen.insert(0, history.reference_trial)
        # One of each model after the other: a search that is cut has some of all.
        turns = [trial for _ in range(plan.repetitions) for trial in chosen]
        first = study.next_number
        study.repeat(
            [(one.number, _with_seed(one, first + place, plan)) for place, one in enumerate(turns)], reason
        )
    return [one for one in study.repetitions if one.state is TrialState.RUNNING]


def _with_seed(trial: Trial, number: int, plan: "Plan") -> Point:
    """The trial's point with a seed that depends on the search's seed and the repetition's number alone."""
    if plan.seed_key is None:
        return trial.point
    # What fits into 31 bits suits every generator.
    seed = int(np.random.SeedSequence((plan.seed, number)).generate_state(1)[0]) >> 1
    return {**trial.point, plan.seed_key: seed}


def choose(history: History, count: int) -> list[Trial]:
    """The most promising trials, the best first; the reference is none of them.

    Those that may beat the reference come first (`nas.probability`), among them those on the front, and then
    the probability decides; where it ties or cannot be told, the hypervolume that a trial adds to those
    chosen before it. The front alone would bring a model that is the fastest or the most accurate of all and
    in the other objective hopeless.

    Args:
        history: The search.
        count: How many; fewer if there are no more.
    """
    # Takes seconds to import.
    from nas.probability import beliefs

    left = [trial for trial in history.candidates if trial is not history.reference_trial]
    if not left:
        return []
    found = beliefs(history)
    p_beats = {} if found is None else found.p_beats
    front = {trial.number for trial in history.front}
    chosen: list[Trial] = []

    def promise(trial: Trial) -> tuple[bool, bool, int, float, float]:
        volume = hypervolume(history.values([*chosen, trial]), history.reference)
        p = p_beats.get(trial.number, 0.0)
        return p >= _TIE, trial.number in front, round(p / _TIE), volume, p

    while left and len(chosen) < count:
        best = max(left, key=promise)
        left.remove(best)
        chosen.append(best)
    return chosen
