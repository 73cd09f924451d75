"""Figures of a search, from its study alone.

    python -m nas.figures study=DIR                             its objectives and its hypervolume
    python -m nas.figures study=DIR figure=NAME                 one of them, or a card of nas.report.cards
    python -m nas.figures study=DIR figure=leave_one_out        predictions of left-out trials, SAAS and MAP
    python -m nas.figures study=DIR figure=importance           which parameters matter, in which direction
    python -m nas.figures study=DIR figure=direction trial=N    what one step from a trial does
    python -m nas.figures study=DIR figure=architectures        models of the front beside the reference
    python -m nas.figures 'study=[DIR,DIR]' figure=comparison   searches side by side
    python -m nas.figures 'study=[DIR,DIR]' figure=convergence  hypervolume over evaluations and hours

The figure goes to the search's folder `figures`, one of several searches to the current one, or to out=FILE,
whose ending says in which format, such as .png or .svg; its table is printed. Figures 2 to 6 are
leave_one_out, comparison, convergence, importance and architectures; python -m nlu.explain draws figure 1.
figure=importance draws figure=direction too, unless out=FILE names one file; without trial=N the steps are
those from the most promising trial.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from nas.errors import ReportError
from nas.report.arguments import study_folders, titles
from nas.report.card import Card
from nas.report.cards import compare, is_comparison, make_card
from nas.report.console import show
from nas.report.files import FIGURES, write_search_figures
from nas.study.store import open_study
from paretoparse.arguments import read_pairs
from paretoparse.cli import plain_main

# Numbers of the figures; 2 and 3 are those of Eriksson et al. 2021.
_NUMBERS = {
    "2": "leave_one_out",
    "3": "comparison",
    "4": "convergence",
    "5": "importance",
    "6": "architectures",
}
_SEARCH = "search"
_IMPORTANCE, _DIRECTION = "importance", "direction"


def main(arguments: Sequence[str]) -> None:
    """Draws what `figure` names of each study, or of all of them if it compares searches."""
    given = read_pairs(arguments, ["study", "figure", "out", "trial"])
    folders = study_folders(given)
    asked = given.get("figure", _SEARCH)
    name = _NUMBERS.get(asked, asked)
    file = f"figure{asked}.png" if asked in _NUMBERS else f"{name}.png"
    out = Path(given["out"]) if given.get("out") else None
    options = _options(name, given)
    if name == _SEARCH:
        if out is not None:
            raise ReportError(
                "figure=search draws two files; choose one with figure=objectives for out=FILE."
            )
        for folder in folders:
            write_search_figures(open_study(folder), folder)
            print(folder / FIGURES)
    elif is_comparison(name):
        if len({folder.resolve() for folder in folders}) < 2:
            raise ReportError(f"{name} compares at least two searches: write 'study=[DIR,DIR]'.")
        studies = zip(titles(folders), map(open_study, folders), strict=True)
        _write(compare(name, dict(studies)), out or Path(file))
    else:
        if out is not None and len(folders) > 1:
            raise ReportError(f"out=FILE holds one figure, and there are {len(folders)} studies.")
        for folder in folders:
            study = open_study(folder)
            with _log_shown():
                _write(make_card(name, study, **options.get(name, {})), out or folder / FIGURES / file)
                if name == _IMPORTANCE and out is None:
                    card = make_card(_DIRECTION, study, **options.get(_DIRECTION, {}))
                    _write(card, folder / FIGURES / f"{_DIRECTION}.png")


def _options(name: str, given: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """Card to what it is told besides the study."""
    if "trial" not in given:
        return {}
    if name not in (_IMPORTANCE, _DIRECTION):
        raise ReportError(f"figure={name} is about no single trial; leave trial={given['trial']} out.")
    if not given["trial"].isdecimal():
        raise ReportError(f"trial={given['trial']} is no trial's number; write 0 or a larger one.")
    return {_DIRECTION: {"trial": int(given["trial"])}}


@contextmanager
def _log_shown() -> Iterator[None]:
    """Shows on standard error what is being computed, and about how long it takes."""
    logger, handler = logging.getLogger("nas"), logging.StreamHandler()
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)


def _write(card: Card, path: Path) -> None:
    """Prints a card and writes its figure, if it has one."""
    show(card)
    if card.figure is not None:
        # Slow to import, and a table does without.
        from paretoparse.figures import write_figure

        write_figure(card.figure, path)
        print(path)


if __name__ == "__main__":
    plain_main(main, __doc__)
