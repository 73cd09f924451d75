"""What repetitions say: means with intervals, and the probability that a confirmed trial beats the reference.

The trial that was chosen for its good result is not looked at again: of many noisy results the best is too
good. Only its repetitions count, with new seeds and measured side by side with those of the reference.

The model, for each metric by itself: the run r of model i in confirmation b has the value

    y_bir = mu_i + beta_b + e_bir,    e_bir ~ N(0, sigma^2),

where beta_b is what a confirmation has in common, such as a machine that is slower that day, and sigma, what
a seed and a measurement change, is the same for all models. sigma^2 is estimated by the pooled variance s^2
within models and confirmations, with nu = sum (n_bi - 1) degrees of freedom. Where the measurement tells a
standard error of its own (the metric `<metric>_se`, as of a p99 and of its ratio to the control), the mean of
its squares is a floor for s^2, which a lucky pair of runs does not undercut. A trial's advantage over the
reference is the mean over its B confirmations of the difference of their means:

    d = 1/B sum_b (ybar_bi - w ybar_b0),    v = s^2 / B^2 sum_b (1/n_bi + w^2/n_b0),

with w = 1 for an objective, the bound's factor for a constraint relative to the reference, and 0 for one
that is not. Under the prior 1/sigma^2 the posterior of the true advantage is d + sqrt(v) t_nu, so the
probability that it exceeds c is T_nu((d - c) / sqrt(v)). That of beating the reference is the product over
objectives and constraints, as if they were independent. Gelman et al., Bayesian Data Analysis, 3rd
edition, sections 3.2 and 3.6.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, stdtr, stdtrit

from nas.study import Study, Trial, TrialState, is_finite
from nas.study.criteria import Criterion, criteria

# Of the means.
LEVEL = 0.95


@dataclass(frozen=True)
class Confirmed:
    """What the repetitions of one trial say.

    Attributes:
        number: The trial's.
        runs: How many repetitions have a result.
        failed: Those that have none and will have none as things are.
        means: Mean of each objective, in its own unit; () if no repetition has a result.
        reach: Half the width of each mean's 95 % interval; None where nothing is known of the noise.
        p_beats: Probability of beating the reference; None where it cannot be told, and for the reference.
    """

    number: int
    runs: int
    failed: int
    means: tuple[float, ...] = ()
    reach: tuple[float | None, ...] = ()
    p_beats: float | None = None


@dataclass(frozen=True)
class _Noise:
    """A pooled standard deviation and its degrees of freedom; infinite where it is known."""

    deviation: float
    freedom: float

    def below(self, value: float) -> float:
        """The probability that the noise stays below a value, in standard deviations."""
        return float(ndtr(value) if math.isinf(self.freedom) else stdtr(self.freedom, value))

    @property
    def quantile(self) -> float:
        """Standard deviations on either side that hold `LEVEL` of the noise."""
        return float(stdtrit(min(self.freedom, 1e10), 0.5 + LEVEL / 2))


# Confirmation and trial to the results of its runs.
_Cells = Mapping[tuple[int, int], Sequence[Trial]]


def confirmed(study: Study) -> dict[int, Confirmed]:
    """The numbers of all trials that were repeated to what their repetitions say, by number."""
    history = study.history
    cells: dict[tuple[int, int], list[Trial]] = defaultdict(list)
    failed: dict[int, int] = defaultdict(int)
    numbers = set()
    for one in study.repetitions:
        assert one.repeats is not None
        numbers.add(one.repeats)
        failed[one.repeats] += one.state in (TrialState.FAILED, TrialState.UNMEASURED)
        if one.state is TrialState.COMPLETED:
            cells[one.round, one.repeats].append(one)
    reference = history.reference_trial
    wanted = criteria(history)
    noise = {name: _noise(cells, name) for name in history.goals.metrics}
    found = {}
    for number in sorted(numbers):
        runs = [run for (_, repeats), cell in cells.items() if repeats == number for run in cell]
        if not runs:
            found[number] = Confirmed(number, 0, failed[number])
            continue
        means = [float(np.mean(_values(runs, name))) for name in history.goals.names]
        reach = [
            None if known is None else known.quantile * known.deviation / math.sqrt(len(runs))
            for known in (noise[name] for name in history.goals.names)
        ]
        p: float | None = None
        if history.has_reference and (reference is None or number != reference.number):
            base = None if reference is None else reference.number
            p = _product([_probability(cells, number, base, one, noise[one.metric]) for one in wanted])
        found[number] = Confirmed(number, len(runs), failed[number], tuple(means), tuple(reach), p)
    return found


def _noise(cells: _Cells, name: str) -> _Noise | None:
    """What one run's value varies by; None if nothing is known of it."""
    squares, freedom = 0.0, 0
    for cell in cells.values():
        values = _values(cell, name)
        squares += float(((values - values.mean()) ** 2).sum())
        freedom += len(values) - 1
    errors = [run.metrics.get(f"{name}_se") for cell in cells.values() for run in cell]
    told = [float(error) for error in errors if is_finite(error)]  # type: ignore[arg-type]
    # A standard error that some runs lack is none of the metric's.
    floor = float(np.mean(np.square(told))) if told and len(told) == len(errors) else None
    if freedom:
        return _Noise(math.sqrt(max(squares / freedom, floor or 0.0)), freedom)
    return None if floor is None else _Noise(math.sqrt(floor), math.inf)


def _probability(
    cells: _Cells, number: int, reference: int | None, criterion: Criterion, noise: _Noise | None
) -> float | None:
    """The probability that a trial keeps one criterion; None if it cannot be told."""
    margins, variance = [], 0.0
    for (confirmation, repeats), cell in cells.items():
        if repeats != number:
            continue
        others = cells.get((confirmation, reference), ()) if reference is not None else ()
        if criterion.weight and not others:
            continue
        own, base = _values(cell, criterion.metric).mean(), 0.0
        variance += 1 / len(cell)
        if criterion.weight:
            base = float(_values(others, criterion.metric).mean())
            variance += criterion.weight**2 / len(others)
        margins.append(criterion.margin(float(own), base))
    if not margins or noise is None:
        return None
    margin, deviation = float(np.mean(margins)), noise.deviation * math.sqrt(variance) / len(margins)
    return noise.below(margin / deviation) if deviation > 0 else float(criterion.holds(margin))


def _values(runs: Sequence[Trial], name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([float(run.metrics[name] or 0) for run in runs])


def _product(factors: Sequence[float | None]) -> float | None:
    known = [one for one in factors if one is not None]
    return math.prod(known) if len(known) == len(factors) else None
