"""The paper's figures, from the studies in results/ alone: results/figures/figure<N>_<name>.png and .svg.

    python scripts/draw_figures.py [--results DIR] [--study NAME] [--parser DIR_OR_FILE] [--text TEXT]

1 the parser and a parse of it         --parser or the one that ships; --text or a held-out utterance
2 predictions of left-out trials       one study
3 strategies side by side              the first study of each strategy
4 hypervolume over time                all studies; those of one strategy are one line with a band
5 importance of the parameters         one study
6 architectures of the front           one study

Studies are folders of results/studies with a study.db, such as saasbo-1, saasbo-2 and sobol-1. The one study
is --study, or else the one that came farthest. Figures that lack theirs are left out with a sentence.
"""

import logging
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from matplotlib.figure import Figure

from nas.report.card import Card
from nas.report.cards import compare, make_card
from nas.report.numbers import summarise
from nas.report.sides import strategy_of
from nas.study import Study
from nas.study.store import ADDRESS, DATABASE, open_study
from paretoparse.cli import ArgumentParser, reported_errors
from paretoparse.errors import ParetoParseError, UsageError
from paretoparse.figures import write_figure

RESULTS = Path(__file__).resolve().parents[1] / "results"


def main() -> None:
    """Run from the command line."""
    arguments = ArgumentParser(description="Draw the paper's figures from the studies in results/.")
    arguments.add_argument("--results", type=Path, default=RESULTS, help="folder of studies/ and figures/")
    arguments.add_argument("--study", help="name of the study that figures 2, 5 and 6 are of")
    arguments.add_argument("--parser", type=Path, help="of figure 1, a run's folder or a parser.pt")
    arguments.add_argument("--text", help="the utterance of figure 1")
    options = arguments.parse_args()
    logging.basicConfig(format="%(message)s")
    logging.getLogger("nas").setLevel(logging.INFO)
    target = options.results / "figures"
    write_figures({"figure1_parser": lambda: draw_parser(options.parser, options.text)}, target)
    studies = read_studies(options.results / "studies")
    one = studies[choose(studies, options.study)]
    figures = {
        "figure2_leave_one_out": lambda: drawn(make_card("leave_one_out", one)),
        "figure3_comparison": lambda: drawn(compare("comparison", first_of_each(studies))),
        "figure4_convergence": lambda: drawn(compare("convergence", several(studies))),
        "figure5_importance": lambda: drawn(make_card("importance", one)),
        "figure6_architectures": lambda: drawn(make_card("architectures", one)),
    }
    write_figures(figures, target)


def write_figures(figures: Mapping[str, Callable[[], Figure]], folder: Path) -> None:
    """Draw figures and write them as PNG and SVG; one that cannot be drawn is left out with a sentence.

    Raises:
        FigureError: A file cannot be written.
    """
    for name, draw in figures.items():
        try:
            figure = draw()
        except ParetoParseError as error:
            print(f"{name} is left out: {error}")
            continue
        for ending in ("png", "svg"):
            path = folder / f"{name}.{ending}"
            write_figure(figure, path)
            print(path)


def read_studies(folder: Path) -> dict[str, Study]:
    """Open all studies of a folder.

    Returns:
        Name to study, by name; saasbo-10 comes after saasbo-2.

    Raises:
        UsageError: There is none.
        StudyError: One cannot be opened.
    """
    found = [one.parent for name in (DATABASE, ADDRESS) for one in folder.glob(f"*/{name}")]
    if not found:
        raise UsageError(
            f"there are no studies in {folder}, and the other figures need some; publish a search with "
            f"python scripts/publish_study.py DIR {folder}/saasbo-1."
        )
    return {one.name: open_study(one) for one in sorted(set(found), key=_by_number)}


def _by_number(folder: Path) -> list[tuple[int, str]]:
    return [(int(part) if part.isdigit() else -1, part) for part in re.split(r"(\d+)", folder.name)]


def choose(studies: Mapping[str, Study], name: str | None) -> str:
    """The study that figures of one study are of.

    Args:
        studies: Name to study.
        name: Which; None: the one with the largest hypervolume, of equal ones the first.

    Raises:
        UsageError: There is none of that name.
    """
    if name is not None:
        if name not in studies:
            raise UsageError(f"there is no study {name}; choose one of {', '.join(studies)}.")
        return name

    return max(studies, key=lambda one: summarise(studies[one])["hypervolume"] or 0.0)


def first_of_each(studies: Mapping[str, Study]) -> dict[str, Study]:
    """The first study of each strategy.

    Raises:
        UsageError: There is one strategy only.
    """
    found: dict[str, tuple[str, Study]] = {}
    for name, study in studies.items():
        found.setdefault(strategy_of(study), (name, study))
    if len(found) < 2:
        raise UsageError(f"all studies are of one strategy, {next(iter(found))}; add one of another.")
    return dict(found.values())


def several(studies: Mapping[str, Study]) -> Mapping[str, Study]:
    """The studies.

    Raises:
        UsageError: There is a single one.
    """
    if len(studies) < 2:
        raise UsageError(f"there is one study only, {next(iter(studies))}; add another.")
    return studies


def draw_parser(parser: Path | None, text: str | None) -> Figure:
    """Figure 1.

    Args:
        parser: A run's folder or a parser.pt; None: the parser that ships.
        text: An utterance; None: one of the parser's held-out ones.

    Raises:
        ParetoParseError: There is no parser, or it is none that can be drawn.
    """
    # Slow to import.
    from nlu.diagram import draw_model
    from nlu.explain import example, explain
    from nlu.parser import SHIPPED, Parser

    loaded = Parser.load(parser or SHIPPED)
    return draw_model(loaded, explain(loaded, text or example(loaded)))


def drawn(card: Card) -> Figure:
    """The figure of a card that has one."""
    assert card.figure is not None, f"the card {card.name} draws nothing"
    return card.figure


if __name__ == "__main__":
    with reported_errors():
        main()
