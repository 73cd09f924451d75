"""The trials that no other one dominates."""

from nas.report.card import Card, Rows
from nas.report.findings import findings, rounded
from nas.report.numbers import front_trials, is_ratio
from nas.study import Study


def card(study: Study) -> Card:
    """The front's trials, by the first objective.

    Parameters are left out: two dozen columns fit no terminal, and pareto.csv has them.
    """
    history = study.history
    goals = history.goals
    ratios = [index for index in range(len(goals.names)) if is_ratio(history, index)]
    others = goals.metrics[len(goals.names) :]
    chosen = front_trials(history)
    beliefs = findings(study).beliefs if history.has_reference else None
    own = history.values(chosen) * goals.signs
    rows = Rows(
        (
            *("trial", "origin", *goals.names, *(f"{goals.names[index]} / ref" for index in ratios)),
            *(*others, *(["P(beats)"] if history.has_reference else [])),
        ),
        [
            (
                *(trial.number, trial.origin, *(trial.values or ())),
                *(float(values[index]) for index in ratios),
                *(trial.metrics.get(name) for name in others),
                *([beliefs and rounded(beliefs.p_beats.get(trial.number))] if history.has_reference else []),
            )
            for trial, values in zip(chosen, own, strict=True)
        ],
    )
    single = len(goals.names) == 1
    if not chosen:
        caption = "No trial has completed" + (" and keeps all constraints." if goals.constraints else ".")
    elif single:
        caption = "The best trial."
    else:
        caption = "No other trial is at least as good in all objectives and better in one."
    if ratios and chosen:
        caption += " 'ref' is the reference model."
    if history.has_reference and chosen:
        caption += " P(beats) is the probability that a trial beats the reference, by a Gaussian process."
    return Card("front", "Best trial" if single else "Pareto front", caption, rows)
