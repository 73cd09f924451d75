"""The search in numbers."""

from nas.report.card import Card, Rows
from nas.report.findings import LIKELY, Findings, findings
from nas.report.formats import short
from nas.report.numbers import front_trials, summarise
from nas.study import Study


def card(study: Study) -> Card:
    """What metrics.json holds, and the same in a sentence."""
    found = findings(study)
    numbers = summarise(study) | found.numbers()
    rows = Rows(
        ("", "value"),
        [(name.replace("_", " "), value) for name, value in numbers.items() if value is not None],
    )
    return Card("summary", "Search", _sentence(study, numbers, found), rows)


def _sentence(study: Study, numbers: dict[str, float | None], found: Findings) -> str:
    history = study.history
    parts = [f"{numbers['trials_completed']} trials completed, {numbers['trials_failed']} failed"]
    if history.pending:
        parts.append(f"{len(history.pending)} open")
    if history.goals.constraints:
        parts.append(f"{len(history.completed) - len(history.candidates)} outside the constraints")
    if history.completed:
        parts.append(f"{len(front_trials(history))} on the front")
    volume = short(numbers["hypervolume"])
    if history.has_reference:
        every = "every objective" if len(history.goals.names) > 1 else "the objective"
        if found.likely is None:
            parts.append("too few to tell which are better than the reference")
        else:
            likely = f"with a probability of at least {LIKELY:g}"
            parts.append(f"{found.likely} better than the reference in {every} {likely}")
        return f"{', '.join(parts)}; hypervolume {volume}. {found.sentence()}".rstrip()
    if not history.completed:
        return f"{', '.join(parts)}."
    why = "There is no reference" if history.reference_trial is None else "The reference has no result"
    below = f"{why}, so the hypervolume of {volume} is that above a point just below all trials."
    return f"{', '.join(parts)}. {below} {found.sentence()}".rstrip()
