"""What it means to beat the reference, as inequalities between true values of metrics."""

from dataclasses import dataclass
from typing import Any

from nas.study.history import History


@dataclass(frozen=True)
class Criterion:
    """`sense * own - weight * sense * reference > threshold`, for one metric of a trial and of the reference.

    Attributes:
        metric: Its name.
        sense: 1 if more is better, -1 if less is.
        weight: How many times the reference's value stands against the trial's; 0: it does not count.
        threshold: In the metric's unit, times `sense`.
        objective: Whether it is about an objective, where equality falls short, or a constraint.
    """

    metric: str
    sense: float
    weight: float
    threshold: float
    objective: bool

    def margin(self, own: Any, reference: float) -> Any:
        """How far values, one or an array, lie beyond the inequality, in the metric's unit."""
        return self.sense * (own - self.weight * reference) - self.threshold

    def holds(self, margin: float) -> bool:
        """Whether a margin that is known exactly suffices."""
        return margin > 0 or (margin == 0 and not self.objective)


def criteria(history: History) -> tuple[Criterion, ...]:
    """All that a trial must keep to beat the reference: more in every objective, and every constraint.

    A fixed reference point stands for the reference model where a problem has one. A constraint relative to
    a model that has no result is kept by all.
    """
    goals, fixed, found = history.goals, history.fixed_reference, []
    for index, objective in enumerate(goals.objectives):
        sense = objective.sign
        weight, threshold = (1.0, 0.0) if fixed is None else (0.0, sense * fixed[index])
        found.append(Criterion(objective.metric, sense, weight, threshold, True))
    known = history.metrics_of_reference() is not None
    for one in goals.constraints:
        sense = -1.0 if one.at_most else 1.0
        if not one.relative:
            found.append(Criterion(one.metric, sense, 0.0, sense * one.bound, False))
        elif known:
            found.append(Criterion(one.metric, sense, one.bound, 0.0, False))
    return tuple(found)
