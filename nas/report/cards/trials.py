"""All trials."""

from nas.report.card import Card
from nas.report.findings import findings
from nas.report.tables import trial_rows
from nas.study import Study


def card(study: Study) -> Card:
    """Every trial with its parameters, objectives and how it ended."""
    history = study.history
    count = len(history)
    caption = f"{count} {'trial' if count == 1 else 'trials'}, in the order in which they were proposed."
    return Card("trials", "Trials", caption, trial_rows(history, history.trials, findings(study)))
