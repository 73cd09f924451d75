"""What the repetitions of the most promising trials say."""

from nas.confirmed import Confirmed
from nas.report.card import Card, Rows
from nas.report.findings import findings, rounded
from nas.study import Study


def card(study: Study) -> Card:
    """A row for each trial that ran again with new seeds, the reference among them."""
    history, found = study.history, findings(study, fit=False)
    names = history.goals.names
    reference = history.reference_trial
    base = None if reference is None else found.confirmed.get(reference.number)
    heads = ["trial", "runs", "failed", "P(beats)"]
    for name in names:
        heads += [name, f"{name} ±", *([f"{name} / ref"] if base is not None and base.means else [])]
    cells = [
        (one.number, one.runs, one.failed, rounded(one.p_beats), *_numbers(one, base, len(names)))
        for one in found.confirmed.values()
    ]
    caption = (
        "Means over runs with new seeds, ± half of their 95 % intervals. P(beats) is the probability of "
        "beating the reference, from these runs alone: the results that trials were chosen for do not count."
        if cells
        else "No trial has been run again; search.confirm=2 does so at the end of a search."
    )
    return Card("confirmation", "Confirmed by new runs", caption, Rows(tuple(heads), cells))


def _numbers(one: Confirmed, base: Confirmed | None, count: int) -> list[float | None]:
    found: list[float | None] = []
    for index in range(count):
        mean = one.means[index] if one.means else None
        found += [mean, one.reach[index] if one.reach else None]
        if base is not None and base.means:
            below = base.means[index]
            found.append(mean / below if mean is not None and below else None)
    return found
