"""The report in a search's folder: tables, metrics.json and figures."""

from pathlib import Path

from nas.report.cards import make_card
from nas.report.console import show
from nas.report.findings import findings
from nas.report.numbers import summarise
from nas.report.tables import write_file, write_tables
from nas.study import Study
from paretoparse.files import write_json

FIGURES = "figures"
# What every search draws of itself.
SEARCH_FIGURES = ("objectives", "hypervolume")


def write_report(study: Study, folder: Path) -> None:
    """Writes a search's tables, metrics.json and figures and prints its front and its numbers.

    However the search ended, and with or without a completed trial. It prints even if it cannot write.

    Args:
        study: The search.
        folder: Where to.

    Raises:
        ReportError: If a table cannot be written.
        FigureError: If a figure cannot be written.
    """
    try:
        write_tables(study, folder)
        write_metrics(study, folder)
        write_search_figures(study, folder)
    finally:
        for name in end_cards(study):
            show(make_card(name, study))


def end_cards(study: Study) -> list[str]:
    """The cards that a search shows when it ends."""
    return ["front", *(["confirmation"] if study.repetitions else []), "summary"]


def write_metrics(study: Study, folder: Path) -> None:
    """Writes `metrics.json`, the search in numbers.

    Raises:
        ReportError: If it cannot be written.
    """
    write_file(folder / "metrics.json", summarise(study) | findings(study).numbers(), write_json)


def write_search_figures(study: Study, folder: Path) -> None:
    """Draws `figures/objectives.png` and `figures/hypervolume.png`.

    Raises:
        FigureError: If a file cannot be written.
    """
    # Matplotlib takes a while to import; those who only write tables do without.
    from paretoparse.figures import write_figure

    for name in SEARCH_FIGURES:
        figure = make_card(name, study).figure
        assert figure is not None, f"the card {name} draws nothing"
        write_figure(figure, folder / FIGURES / f"{name}.png")
