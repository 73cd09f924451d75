"""Who proposes what comes next: the reference first, then the initial strategy, then the search's."""

import logging
import time

from nas.errors import SpaceExhaustedError
from nas.space import Point
from nas.strategy import Strategy
from nas.strategy.sobol import SobolStrategy
from nas.study.study import Study
from nas.study.trials import REFERENCE, Proposal, Suggestion, Trial

logger = logging.getLogger(__name__)


class Proposer:
    """Adds rounds of proposals to a study.

    Args:
        study: Where they are added.
        strategy: What proposes once there are enough first trials.
        initial: How many first trials there are, the reference included.
        seed: Of all random choices of the search.
        reference: The reference model's point, the first trial; None: there is none.
        first: What proposes the first trials; None: a Sobol sequence.

    Attributes:
        exhausted: Whether the space has no more points.
    """

    def __init__(
        self,
        study: Study,
        strategy: Strategy,
        *,
        initial: int,
        seed: int,
        reference: Point | None = None,
        first: Strategy | None = None,
    ) -> None:
        self.exhausted = False
        self._study = study
        self._strategy = strategy
        self._initial = initial
        self._seed = seed
        self._reference = reference
        self._first = first or SobolStrategy()

    def propose(self, count: int) -> tuple[list[Trial], float]:
        """Adds a round of so many trials, at least 1, or fewer if the space has no more points.

        Returns:
            The new trials and how many seconds it took to find them.
        """
        began = time.perf_counter()
        suggestion = self._suggest(count)
        seconds = time.perf_counter() - began
        if not suggestion.proposals:
            self.exhausted = True
            return [], seconds
        return self._study.add(suggestion, seconds=seconds), seconds

    def _suggest(self, count: int) -> Suggestion:
        known = len(self._study)
        strategy = self._first if known < self._initial else self._strategy
        if known or self._reference is None:
            return self._ask(strategy, count)
        reference = Proposal(self._reference, REFERENCE)
        others = self._ask(strategy, count - 1) if count > 1 else Suggestion(())
        return Suggestion((reference, *others.proposals), others.diagnostics, others.state)

    def _ask(self, strategy: Strategy, count: int) -> Suggestion:
        try:
            return strategy.suggest(self._study.history, count, seed=self._seed)
        except SpaceExhaustedError as error:
            logger.warning("The search ends before its budget: %s", error)
            return Suggestion(())
