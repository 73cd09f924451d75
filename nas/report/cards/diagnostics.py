"""Whether the surrogate's fits can be trusted."""

from collections.abc import Mapping
from typing import Any

from nas.report.card import Card, Rows
from nas.study import Goals, Study

# Heads to keys of `FitDiagnostics.as_dict`.
_COLUMNS = {
    "n": "observations",
    "R-hat": "rhat",
    "ESS bulk": "ess_bulk",
    "ESS tail": "ess_tail",
    "div.": "divergences",
    "depth": "tree_depth",
    "step": "step_size",
    "E-BFMI": "ebfmi",
}


def card(study: Study) -> Card:
    """The sampler's diagnostics of every fit."""
    found = [(int(number), one) for number, fits in study.diagnostics.items() for one in fits]
    rows = Rows(
        ("batch", "objective", *_COLUMNS, "outcome"),
        [
            (
                *(number, _metric(study.goals, one.get("objective"))),
                *(one.get(key) for key in _COLUMNS.values()),
                _outcome(one),
            )
            for number, one in found
        ],
    )
    bad = sum(_outcome(one) != "converged" for _, one in found)
    caption = f"{len(found)} fits, {bad} of them did not converge." if found else "No fit was sampled."
    return Card("diagnostics", "Convergence of the surrogate's fits", caption, rows)


def _metric(goals: Goals, index: Any) -> Any:
    """The metric that a fit is of: an objective or, after those, a constraint."""
    metrics = [*goals.names, *(constraint.metric for constraint in goals.constraints)]
    return metrics[index] if isinstance(index, int) and index < len(metrics) else index


def _outcome(one: Mapping[str, Any]) -> str:
    if one.get("fallback"):
        return "MAP-SAAS"
    return "converged" if one.get("converged") else "not converged"
