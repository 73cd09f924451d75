"""Strategies: which trials to run next."""

from dataclasses import dataclass
from typing import Protocol

from nas.space import Point, Space
from nas.study import Study


@dataclass(frozen=True)
class Proposal:
    """A point and what proposed it."""

    point: Point
    origin: str


class Strategy(Protocol):
    """Proposes trials."""

    def suggest(self, study: Study, space: Space, count: int, *, seed: int) -> list[Proposal]:
        """Proposes points that the study does not have.

        Args:
            study: All trials so far; those that are neither completed nor failed are pending.
            space: The search space.
            count: How many points; at least 1.
            seed: The search's seed; the same study and seed give the same points.

        Returns:
            `count` proposals, or fewer if the space has no more points.

        Raises:
            SpaceExhaustedError: If every point of the space has been proposed.
        """
