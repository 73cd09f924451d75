"""What searches confirmed, as a Markdown table: `python scripts/confirmed_report.py DIR [DIR ...]`.

A row a search: its seconds, the reference model's exact match, and each trial that was trained again: exact
match over the reference's, p99 as a ratio to the reference's, and the probability of beating it. All are
means over new runs, measured side by side. *Found*: one of them has at least 10 % less p99 (`--saved`) at no
lower exact match. The last line counts the searches that found one. Other searches have other objectives:
`--accuracy`, `--latency`.
"""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nas.errors import StudyError
from paretoparse.cli import ArgumentParser, reported_errors

TABLE = "trials.csv"


@dataclass(frozen=True)
class Confirmed:
    """A trial's new runs beside the reference's.

    Attributes:
        number: Of the trial.
        origin: What proposed it.
        gain: Accuracy less the reference's.
        ratio: Latency over the reference's.
        p_beats: Probability of beating the reference in both, from the new runs alone.
    """

    number: int
    origin: str
    gain: float
    ratio: float
    p_beats: float

    def is_found(self, saved: float) -> bool:
        """Whether it saves this share of the latency at no lower accuracy."""
        return self.gain >= 0 and self.ratio <= 1 - saved

    def __str__(self) -> str:
        """A cell of the table."""
        return f"{self.number} ({self.origin}): {self.gain:+.1f}, {self.ratio:.2f}, {self.p_beats:.2f}"


def read_confirmed(folder: Path, accuracy: str, latency: str) -> tuple[float, list[Confirmed]]:
    """The reference's accuracy in new runs, and the other trials that were run again, the likeliest first.

    Raises:
        StudyError: The folder has no table of a search that has ended with new runs of these objectives.
    """
    path = folder / TABLE
    if not path.is_file():
        raise StudyError(f"'{folder}' has no {TABLE}; name the folder of a search.")
    columns = [f"confirmed_{name}" for name in (accuracy, latency)]
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if all(row.get(column) for column in columns)]
    reference = next((row for row in rows if row["origin"] == "reference"), None)
    if reference is None:
        raise StudyError(
            f"'{path}' has no {' and '.join(columns)} of a reference model; name a search with these "
            "objectives that has ended, with search.confirm of at least 1."
        )
    own_accuracy, own_latency = (float(reference[column]) for column in columns)
    confirmed = [
        Confirmed(
            int(row["number"]),
            row["origin"],
            gain=float(row[columns[0]]) - own_accuracy,
            ratio=float(row[columns[1]]) / own_latency,
            p_beats=float(row["confirmed_p_beats_reference"]),
        )
        for row in rows
        if row is not reference
    ]
    return own_accuracy, sorted(confirmed, key=lambda one: -one.p_beats)


def table(folders: Sequence[Path], accuracy: str, latency: str, saved: float) -> list[str]:
    """The lines of the table, and the one that counts."""
    lines = [
        "| search | seconds | reference | trial: gain, ratio, P(beats) | found |",
        "|---|---|---|---|---|",
    ]
    found = []
    for folder in folders:
        reference, confirmed = read_confirmed(folder, accuracy, latency)
        found.append(any(one.is_found(saved) for one in confirmed))
        seconds = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["seconds"]
        cells = [folder.name, f"{seconds:.0f}", f"{reference:.1f}"]
        cells += ["; ".join(map(str, confirmed)) or "none", "yes" if found[-1] else "no"]
        lines.append(f"| {' | '.join(cells)} |")
    summary = f"{sum(found)} of {len(found)} found one with at least {100 * saved:g} % less {latency}"
    return [*lines, "", f"{summary} at no lower {accuracy}."]


def main() -> None:
    """Run from the command line."""
    arguments = ArgumentParser(description="Tell what searches confirmed.")
    arguments.add_argument("folders", type=Path, nargs="+", help="folders of searches that have ended")
    arguments.add_argument("--accuracy", default="exact_match", help="the objective to maximize")
    arguments.add_argument("--latency", default="latency_p99_ms", help="the objective to minimize")
    arguments.add_argument("--saved", type=float, default=0.1, help="the share of the latency to save")
    options = arguments.parse_args()
    print("\n".join(table(options.folders, options.accuracy, options.latency, options.saved)))


if __name__ == "__main__":
    with reported_errors():
        main()
