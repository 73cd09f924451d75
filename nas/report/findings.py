"""What may be said of a search's trials against the reference: probabilities, and what repetitions showed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.confirmed import Confirmed, confirmed
from nas.study import Study, Trial, TrialState

if TYPE_CHECKING:
    from nas.probability import Beliefs

# A trial that beats the reference with at least this probability counts as one that does.
LIKELY = 0.95


@dataclass(frozen=True)
class Findings:
    """What the report says beside the results themselves.

    Attributes:
        beliefs: What a surrogate makes of all trials; None: too few have completed, or none was fitted.
        confirmed: What the repetitions say, by trial.
        lost: The repetitions without a result.
    """

    beliefs: "Beliefs | None"
    confirmed: Mapping[int, Confirmed]
    lost: tuple[Trial, ...]

    @property
    def likely(self) -> int | None:
        """How many trials beat the reference with a probability of at least `LIKELY`; None: not known."""
        if self.beliefs is None or not self.beliefs.p_beats:
            return None
        return sum(p >= LIKELY for p in self.beliefs.p_beats.values())

    @property
    def finds(self) -> list[Confirmed]:
        """Confirmed trials that have a probability of beating the reference, the largest first."""
        known = [(-one.p_beats, one) for one in self.confirmed.values() if one.p_beats is not None]
        return [one for _, one in sorted(known, key=lambda pair: pair[0])]

    def numbers(self) -> dict[str, float | None]:
        """In numbers, as metrics.json holds them.

        Returns:
            `trials_likely_better_than_reference`, see `likely`; `p_beats_reference`, the largest of all
            trials; `confirmed_p_beats_reference`, the largest of the confirmed ones. None: not known.
        """
        known = self.beliefs.p_beats.values() if self.beliefs is not None else ()
        return {
            "trials_likely_better_than_reference": self.likely,
            "p_beats_reference": max(known, default=None),
            "confirmed_p_beats_reference": self.finds[0].p_beats if self.finds else None,
        }

    def sentence(self) -> str:
        """What the repetitions showed, and which of them failed; empty without any."""
        parts = []
        if self.finds:
            count = f"{len(self.finds)} trial{'s' if len(self.finds) > 1 else ''}"
            each = ", ".join(f"{one.p_beats:.2f} (trial {one.number})" for one in self.finds)
            parts.append(f"{count} run again with new seeds: P(beats) = {each}.")
        if self.lost:
            why = "; ".join(f"trial {one.repeats}: {(one.error or '').rstrip('.')}" for one in self.lost)
            runs = len(self.lost) + sum(one.runs for one in self.confirmed.values())
            parts.append(f"{len(self.lost)} of {runs} repetitions failed ({why}).")
        return " ".join(parts)


def findings(study: Study, *, fit: bool = True) -> Findings:
    """What may be said of a search.

    Args:
        study: The search.
        fit: Whether a surrogate may be fitted for it, once for a history; it takes seconds.
    """
    beliefs = None
    if fit:
        # Torch takes seconds to import, too.
        from nas.probability import beliefs as believe

        beliefs = believe(study.history)
    states = (TrialState.FAILED, TrialState.UNMEASURED)
    lost = tuple(one for one in study.repetitions if one.state in states)
    return Findings(beliefs, confirmed(study), lost)


def rounded(probability: float | None) -> float | None:
    """A probability for people: no powers of ten."""
    return None if probability is None else round(probability, 3)
