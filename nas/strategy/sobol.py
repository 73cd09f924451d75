"""Quasi-random search: a scrambled Sobol sequence."""

from torch.quasirandom import SobolEngine

from nas.errors import SpaceExhaustedError
from nas.space import Space
from nas.strategy import Proposal
from nas.study import SOBOL, Study

# A finite space that yields nothing new in so many draws counts as exhausted.
MAX_DRAWS = 2**14


class SobolStrategy:
    """The points of a scrambled Sobol sequence, in order, without those that the study already has.

    The sequence is drawn from its start each time, so a resumed search goes on exactly where it was.
    """

    def suggest(self, study: Study, space: Space, count: int, *, seed: int) -> list[Proposal]:
        """See `Strategy.suggest`."""
        known = {space.key(trial.point) for trial in study.trials() if space.contains(trial.point)}
        engine = SobolEngine(space.dimension, scramble=True, seed=seed)  # type: ignore[no-untyped-call]
        proposals: list[Proposal] = []
        drawn = 0
        while len(proposals) < count and drawn < MAX_DRAWS:
            units = engine.draw(64).double().numpy()
            drawn += len(units)
            for point in space.decode(units):
                if len(proposals) < count and space.key(point) not in known:
                    known.add(space.key(point))
                    proposals.append(Proposal(point, SOBOL))
        if not proposals:
            raise SpaceExhaustedError("every point of the search space has been proposed; widen the space.")
        return proposals
