"""A search by ask and tell, for callers that evaluate trials themselves."""

from collections.abc import Mapping
from typing import Any

from nas.errors import StudyError
from nas.execution.outcomes import split_files
from nas.execution.proposer import Proposer
from nas.space import Point, Space
from nas.strategy import Strategy
from nas.study import Goals, History, Study, Trial
from paretoparse.errors import describe_error


class Search:
    """A search by ask and tell: the caller evaluates.

    ::

        search = Search(space, Goals.of({"accuracy": "maximize", "milliseconds": "minimize"}), strategy)
        for _ in range(10):
            for trial in search.ask(4):
                search.tell(trial.number, evaluate(trial.point))
        best = search.front

    Args:
        space: The search space.
        goals: What it is after.
        strategy: What proposes once there are `initial` trials; None: the paper's, SAAS and noisy expected
            hypervolume improvement.
        reference: The reference model's point, the first trial; None: there is none.
        initial: How many first trials, the reference included, come from a Sobol sequence; at least 1.
        seed: Of all random choices.
        study: Where trials are kept; None: in memory. One that `nas.study.store` opens survives the process,
            and a search over it goes on with its trials.
    """

    def __init__(
        self,
        space: Space,
        goals: Goals,
        strategy: Strategy | None = None,
        *,
        reference: Point | None = None,
        initial: int = 8,
        seed: int = 0,
        study: Study | None = None,
    ) -> None:
        if strategy is None:
            # Takes seconds to import.
            from nas.strategy.bayesian import BayesianStrategy

            strategy = BayesianStrategy()
        self.study = Study(space, goals) if study is None else study
        self._proposer = Proposer(
            self.study,
            strategy,
            initial=initial,
            seed=seed,
            reference=reference,
        )

    def ask(self, count: int = 1) -> list[Trial]:
        """Proposes trials; those asked for and not told about count as running.

        Args:
            count: How many; at least 1.

        Returns:
            The trials, whose `number` is for `tell` and whose `point` is to be evaluated; fewer, or none, if
            the space has no more points.
        """
        return self._proposer.propose(count)[0]

    def tell(self, number: int, result: Mapping[str, Any] | Exception) -> Trial:
        """Ends a trial.

        Args:
            number: The trial's.
            result: Its metrics, the objectives among them; or why it has none.

        Returns:
            The trial as it is now: completed, or failed where an objective is missing or not finite.

        Raises:
            StudyError: If there is no such trial, or it has ended.
        """
        if number not in {trial.number for trial in self.study.open()}:
            raise StudyError(f"trial {number} is not waiting for a result; tell each trial of ask() once.")
        if isinstance(result, Exception):
            return self.study.fail(number, describe_error(result))
        metrics, _ = split_files(result, self.study.goals.names)
        return self.study.complete(number, metrics, seconds=0.0)

    @property
    def history(self) -> History:
        """All trials so far."""
        return self.study.history

    @property
    def front(self) -> list[Trial]:
        """The trials on the Pareto front, by the first objective."""
        return self.history.front
