"""Tables of a search, from its study alone: `python -m nas.report study=DIR`."""

from collections.abc import Sequence

from nas.report.arguments import study_folders
from nas.report.cards import make_card
from nas.report.console import show
from nas.report.files import end_cards, write_metrics
from nas.report.tables import write_tables
from nas.study.store import open_study
from paretoparse.arguments import read_pairs
from paretoparse.cli import plain_main


def main(arguments: Sequence[str]) -> None:
    """Writes a search's tables and metrics.json anew and prints its front, its numbers and its fits."""
    for folder in study_folders(read_pairs(arguments, ["study"])):
        study = open_study(folder)
        try:
            write_tables(study, folder)
            write_metrics(study, folder)
        finally:
            for name in (*end_cards(study), *(["diagnostics"] if study.diagnostics else [])):
                show(make_card(name, study))


if __name__ == "__main__":
    plain_main(main, __doc__)
