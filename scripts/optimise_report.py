"""Tables, CSV and figure of whole optimisations: `python scripts/optimise_report.py DIR`.

Reads the runs that `benchmark_bo.py part=optimise output=DIR` has left in DIR, complete or not, and writes
`optimise.csv` and `optimise.png` (mean hypervolume with its standard error, over evaluations and, where
trials tell of their seconds, over hours) beside them. To standard output go Markdown tables, problem by
problem: the hypervolume, the evaluations that reach given hypervolumes, and mean ranks with their critical
difference. Numbers at a budget are means over the seeds that reached it.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from benchmark_optimise import FIELDS, METHODS, read
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from paretoparse.cli import plain_main
from paretoparse.errors import UsageError
from paretoparse.figures import style, write_figure

# Shares of the best mean hypervolume at the end of the budget.
TARGETS = (0.25, 0.5, 0.75, 0.9)
# A run: the rows of its file, batch by batch. Runs of a problem: by method, then by seed.
Run = Sequence[Mapping[str, str]]
Runs = dict[str, dict[int, Run]]


def main(arguments: Sequence[str]) -> None:
    """Run from the command line.

    Raises:
        UsageError: The folder is not named, or has no run.
    """
    if len(arguments) != 1 or not (Path(arguments[0]) / "runs").is_dir():
        raise UsageError("name the folder that part=optimise wrote its runs to.")
    folder = Path(arguments[0])
    found = [rows for file in sorted((folder / "runs").glob("*.csv")) if (rows := read(file))]
    if not found:
        raise UsageError(f"{folder} has no run yet; start part=optimise with output={folder}.")
    with (folder / "optimise.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(row for rows in found for row in rows)
    problems: dict[str, Runs] = {}
    for rows in found:
        first = rows[0]
        problems.setdefault(first["problem"], {}).setdefault(first["method"], {})[int(first["seed"])] = rows
    # In the methods' own order.
    problems = {name: {m: runs[m] for m in METHODS if m in runs} for name, runs in sorted(problems.items())}
    write_figure(draw(problems), folder / "optimise.png")
    for problem, runs in problems.items():
        print("\n".join([*table(problem, runs), *reached(runs), *ranked(runs)]))


def draw(problems: Mapping[str, Runs]) -> Figure:
    """A panel a problem, and one over hours where they are known; a line a method, as far as all seeds go."""
    panels = [
        (name, over_hours)
        for name, runs in problems.items()
        for over_hours in (False, True)
        if not over_hours or _tells_seconds(runs)
    ]
    figure = Figure(figsize=(5.2 * len(panels), 4.0), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for one, (name, over_hours) in zip(axes, panels, strict=True):
        style(one)
        for method, runs in problems[name].items():
            _draw_method(one, method, list(runs.values()), over_hours=over_hours)
        one.set_title(name.replace("_", " "), fontsize=10)
        one.set_xlabel("hours, one trial at a time" if over_hours else "evaluations", fontsize=9)
        one.set_ylim(bottom=0)
    axes[0].legend(frameon=False, fontsize=8, title="method (seeds)", title_fontsize=8)
    axes[0].set_ylabel("hypervolume", fontsize=9)
    return figure


def _draw_method(axes: Axes, method: str, runs: Sequence[Run], *, over_hours: bool) -> None:
    batches = min(map(len, runs))
    values = np.array([[float(row["hypervolume"]) for row in run[:batches]] for run in runs])
    mean, error = values.mean(axis=0), np.zeros(batches)
    if len(runs) > 1:
        error = values.std(axis=0, ddof=1) / np.sqrt(len(runs))
    if over_hours:
        x = np.mean([np.cumsum([_seconds(row) for row in run[:batches]]) for run in runs], axis=0) / 3600
    else:
        x = np.array([int(row["evaluations"]) for row in runs[0][:batches]])
    place = METHODS.index(method)
    # There are ten colours.
    color, dashes = f"C{place}", "-" if place < 10 else "--"
    axes.plot(x, mean, dashes, color=color, label=f"{method} ({len(runs)})", linewidth=1.6)
    axes.fill_between(x, mean - error, mean + error, color=color, alpha=0.15, linewidth=0)


def _tells_seconds(runs: Runs) -> bool:
    return all(
        row.get("trial_seconds") for of_method in runs.values() for run in of_method.values() for row in run
    )


def _seconds(row: Mapping[str, str]) -> float:
    """Of a batch: its trials', one after the other, and the optimiser's own."""
    return float(row["trial_seconds"]) + float(row["seconds"])


def table(problem: str, runs: Runs) -> list[str]:
    """Mean and standard error at half and at all of the largest budget."""
    counts = sorted({int(row["evaluations"]) for of in runs.values() for run in of.values() for row in run})
    largest = counts[-1]
    half = next(count for count in counts if 2 * count >= largest)
    lines = [f"\n| {problem} | seeds | at {half} | at {largest} |", "|---|---|---|---|"]
    for method, of_method in runs.items():
        cells = [_at(of_method, count) for count in (half, largest)]
        shown = [_mean_with_error(list(found.values())) for found in cells]
        lines.append(f"| {method} | {len(cells[1])} | {shown[0]} | {shown[1]} |")
    return lines


def _at(of_method: Mapping[int, Run], count: int) -> dict[int, float]:
    """The hypervolume after so many evaluations, by seed, of those that got there."""
    return {
        seed: float(row["hypervolume"])
        for seed, run in of_method.items()
        for row in run
        if int(row["evaluations"]) == count
    }


def _ends(runs: Runs) -> dict[str, dict[int, float]]:
    """The hypervolume at the end of the largest budget, by method and seed, of those that got there."""
    largest = max(int(run[-1]["evaluations"]) for of_method in runs.values() for run in of_method.values())
    return {method: end for method, of_method in runs.items() if (end := _at(of_method, largest))}


def _mean_with_error(values: Sequence[float]) -> str:
    if not values:
        return "-"
    error = f" ± {np.std(values, ddof=1) / np.sqrt(len(values)):.2g}" if len(values) > 1 else ""
    return f"{np.mean(values):.4g}{error}"


def reached(runs: Runs) -> list[str]:
    """The evaluations, in whole batches, after which half of the complete runs have given hypervolumes."""
    ends = _ends(runs)
    best = max(float(np.mean(list(end.values()))) for end in ends.values())
    if best == 0:
        return []
    targets = [share * best for share in TARGETS]
    heads = " | ".join(f"{target:.3g}" for target in targets)
    lines = [f"\n| evaluations until | {heads} |", "|---" * (1 + len(targets)) + "|"]
    for method, complete in ends.items():
        needed = [
            np.median([_first_at(runs[method][seed], target) for seed in complete]) for target in targets
        ]
        cells = " | ".join("-" if np.isinf(count) else f"{count:.0f}" for count in needed)
        lines.append(f"| {method} | {cells} |")
    return lines


def _first_at(run: Run, target: float) -> float:
    return min(
        (float(row["evaluations"]) for row in run if float(row["hypervolume"]) >= target), default=np.inf
    )


def ranked(runs: Runs) -> list[str]:
    """Mean ranks at the end over the seeds that all methods share, and what cannot be told apart."""
    ends = _ends(runs)
    seeds = sorted(set.intersection(*map(set, ends.values())))
    if len(ends) < 3 or len(seeds) < 2:
        return []
    ranks = mean_ranks(np.array([[ends[method][seed] for method in ends] for seed in seeds]))
    difference = critical_difference(len(ends), len(seeds))
    by_rank = sorted(zip(ranks, ends, strict=True))
    heads = (
        f"| of {len(ends)}, {len(seeds)} seeds | mean rank | not told apart: less than {difference:.2f} off |"
    )
    lines = [f"\n{heads}", "|---|---|---|"]
    for rank, method in by_rank:
        others = [m for r, m in by_rank if m != method and abs(r - rank) < difference]
        lines.append(f"| {method} | {rank:.2f} | {', '.join(others) or '-'} |")
    return lines


def mean_ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The mean rank of each method, 1 being the best; ties share theirs.

    Args:
        values: One row a seed, one column a method; larger is better.
    """
    return np.asarray(stats.rankdata(-values, axis=1).mean(axis=0))


def critical_difference(methods: int, seeds: int, level: float = 0.05) -> float:
    """Mean ranks that differ by less are not told apart by Nemenyi's test (Demšar 2006, section 3.2.2)."""
    quantile = stats.studentized_range.ppf(1 - level, methods, np.inf) / np.sqrt(2)
    return float(quantile * np.sqrt(methods * (methods + 1) / (6 * seeds)))


if __name__ == "__main__":
    plain_main(main, __doc__)
