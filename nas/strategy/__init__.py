"""Strategies: which trials to run next, as functions of what is known."""

from typing import Any, Protocol, cast

from hydra.utils import instantiate

from nas.study.history import History
from nas.study.trials import Suggestion


class Strategy(Protocol):
    """Proposes trials. It keeps nothing between calls: what it wants to find again, it returns."""

    def suggest(self, history: History, count: int, *, seed: int) -> Suggestion:
        """Proposes points that the history does not know.

        Args:
            history: All trials so far; pending ones have no result yet.
            count: How many points; at least 1.
            seed: The search's seed; the same history and seed give the same points.

        Returns:
            `count` proposals, or fewer if the space has no more points.

        Raises:
            SpaceExhaustedError: If every point of the space has been proposed.
        """


def make_strategy(node: Any) -> Strategy:
    """Makes a strategy from its Hydra node; one that takes nodes itself makes its parts itself."""
    recursive = node.get("_recursive_", False)
    return cast(Strategy, instantiate(node, _recursive_=recursive))
