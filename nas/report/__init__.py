"""The report of a search, made of cards from its study alone.

    python -m nas.report study=DIR      writes tables and metrics.json anew, prints front and summary

`nas.report.cards` holds one file a card: adding a card is adding a file. `python -m nas.figures` draws them.
"""

from nas.report.card import Card, Rows
from nas.report.cards import make_card
from nas.report.files import write_report

__all__ = ["Card", "Rows", "make_card", "write_report"]
