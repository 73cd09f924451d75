"""What a search knows and keeps: goals, trials, the history that strategies see, the study, its store."""

from nas.study.goals import Constraint, Goals, Metric, Objective, is_finite
from nas.study.history import History
from nas.study.study import Study
from nas.study.trials import ENDED, REFERENCE, REPETITION, SOBOL, Proposal, Suggestion, Trial, TrialState

__all__ = [
    "ENDED",
    "REFERENCE",
    "REPETITION",
    "SOBOL",
    "Constraint",
    "Goals",
    "History",
    "Metric",
    "Objective",
    "Proposal",
    "Study",
    "Suggestion",
    "Trial",
    "TrialState",
    "is_finite",
]
