"""The cards, one file each, found by their files' names.

A file `NAME.py` defines `card(study) -> Card`, or `compare(studies) -> Card` if it is about several searches,
where `studies` maps titles to studies. A new file is all that a new card takes: `python -m nas.figures
study=DIR figure=NAME` then shows it.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any, cast

from nas.errors import ReportError
from nas.report.card import Card
from nas.study import Study


def names() -> list[str]:
    """The cards that there are."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def make_card(name: str, study: Study, **options: Any) -> Card:
    """Makes one search's card.

    Args:
        name: Of the card.
        study: The search.
        options: What this card takes besides, such as `trial`.

    Raises:
        ReportError: If there is no such card, it takes several searches, or it cannot be made from this one.
    """
    module = _find(name)
    if not hasattr(module, "card"):
        raise ReportError(f"{name} compares at least two searches: write 'study=[DIR,DIR]'.")
    return cast(Card, module.card(study, **options))


def is_comparison(name: str) -> bool:
    """Whether a card is about several searches at once.

    Raises:
        ReportError: If there is no such card.
    """
    return hasattr(_find(name), "compare")


def compare(name: str, studies: Mapping[str, Study]) -> Card:
    """Makes a card of several searches.

    Args:
        name: A card for which `is_comparison` is true.
        studies: Title to study.

    Raises:
        ReportError: If there is no such card, or it cannot be made from these.
    """
    return cast(Card, _find(name).compare(studies))


def _find(name: str) -> Any:
    if name not in names():
        raise ReportError(f"there is no figure={name}; choose one of search, {', '.join(names())}.")
    return importlib.import_module(f"{__name__}.{name}")
