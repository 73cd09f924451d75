"""The table, CSV and figure of whole optimisations: `python scripts/optimise_report.py DIR`.

Reads the runs that `benchmark_bo.py part=optimise output=DIR` has left in DIR, complete or not, and writes
`optimise.csv`, `optimise.png` (mean hypervolume with its standard error) beside them and a Markdown table to
standard output. Numbers at a budget are means over the seeds that reached it.
"""

import csv
import sys
from pathlib import Path

import numpy as np
from benchmark_optimise import FIELDS, METHODS, read
from matplotlib.figure import Figure

from nas.report.style import style
from paretoparse.figures import write_figure

Curves = dict[tuple[str, str], dict[int, list[float]]]


def main(arguments: list[str]) -> int:
    """Run from the command line."""
    if len(arguments) != 1 or not (Path(arguments[0]) / "runs").is_dir():
        print("error: name the folder that part=optimise wrote its runs to.", file=sys.stderr)
        return 1
    folder = Path(arguments[0])
    rows = [row for file in sorted((folder / "runs").glob("*.csv")) for row in read(file)]
    with (folder / "optimise.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(rows)
    curves: Curves = {}
    for row in rows:
        curve = curves.setdefault((row["problem"], row["method"]), {})
        curve.setdefault(int(row["evaluations"]), []).append(float(row["hypervolume"]))
    write_figure(draw(curves), folder / "optimise.png")
    print_table(curves)
    return 0


def draw(curves: Curves) -> Figure:
    """One panel a problem, one line a method, as far as all of its seeds go."""
    problems = sorted({problem for problem, _ in curves})
    figure = Figure(figsize=(5.2 * len(problems), 4.0), layout="constrained")
    panels = figure.subplots(1, len(problems), squeeze=False)[0]
    for axes, problem in zip(panels, problems, strict=True):
        style(axes)
        for index, method in enumerate(METHODS):
            curve = curves.get((problem, method), {})
            seeds = max((len(values) for values in curve.values()), default=0)
            reached = [count for count, values in sorted(curve.items()) if len(values) == seeds]
            if not reached:
                continue
            values = np.array([curve[count] for count in reached])
            mean = values.mean(axis=1)
            error = values.std(axis=1, ddof=1) / np.sqrt(seeds) if seeds > 1 else np.zeros_like(mean)
            color = f"C{index}"
            axes.plot(reached, mean, color=color, label=f"{method} ({seeds})", linewidth=1.6)
            axes.fill_between(reached, mean - error, mean + error, color=color, alpha=0.15, linewidth=0)
        axes.set_title(problem.replace("_", " "), fontsize=10)
        axes.set_xlabel("evaluations", fontsize=9)
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False, fontsize=8, title="method (seeds)", title_fontsize=8)
    panels[0].set_ylabel("hypervolume", fontsize=9)
    return figure


def print_table(curves: Curves) -> None:
    """Mean and standard deviation at half and at all of the largest budget."""
    for problem in sorted({problem for problem, _ in curves}):
        largest = max(max(curve) for (name, _), curve in curves.items() if name == problem)
        half = min((c for (n, _), curve in curves.items() if n == problem for c in curve if 2 * c >= largest))
        print(f"\n| {problem} | seeds | at {half} | at {largest} |\n|---|---|---|---|")
        for method in METHODS:
            curve = curves.get((problem, method))
            if curve:
                cells = [_cell(curve.get(count, [])) for count in (half, largest)]
                print(f"| {method} | {len(curve.get(largest, []))} | {cells[0]} | {cells[1]} |")


def _cell(values: list[float]) -> str:
    if not values:
        return "-"
    spread = f" ± {np.std(values, ddof=1):.3g}" if len(values) > 1 else ""
    return f"{np.mean(values):.4g}{spread}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
