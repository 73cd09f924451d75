"""Quasi-random search: a scrambled Sobol sequence."""

from torch.quasirandom import SobolEngine

from nas.errors import SpaceExhaustedError
from nas.study.history import History
from nas.study.trials import SOBOL, Proposal, Suggestion

# A finite space that yields nothing new in so many draws counts as exhausted.
MAX_DRAWS = 2**14
# What a trial remembers: its place in the sequence.
PLACE = "sobol_place"


class SobolStrategy:
    """The points of a scrambled Sobol sequence, in order, without those that the history knows."""

    def suggest(self, history: History, count: int, *, seed: int) -> Suggestion:
        """See `Strategy.suggest`."""
        space = history.space
        last = next((t for t in reversed(history.trials) if PLACE in t.attributes), None)
        place = 0 if last is None else 1 + last.attributes[PLACE]
        engine = SobolEngine(space.dimension, scramble=True, seed=seed)  # type: ignore[no-untyped-call]
        engine.fast_forward(place)  # type: ignore[no-untyped-call]
        chosen = set[object]()
        proposals: list[Proposal] = []
        end = place + MAX_DRAWS
        while len(proposals) < count and place < end:
            for point in space.decode(engine.draw(count).double().numpy()):
                key = space.key(point)
                if len(proposals) < count and key not in chosen and not history.knows(key):
                    chosen.add(key)
                    proposals.append(Proposal(point, SOBOL, {PLACE: place}))
                place += 1
        if not proposals:
            raise SpaceExhaustedError("every point of the search space has been proposed; widen the space.")
        return Suggestion(tuple(proposals))
