"""Rank measured artifacts: python -m latency.compare A B ... [--percentile 99] [--figure FILE.png].

A and B are run folders of `latency.benchmark` or the `latency.json.gz` in them.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from rich.table import Table

from latency.errors import ResultError
from latency.result import LatencyResult
from latency.statistics import Interval, bootstrap_difference, dependent_interval
from paretoparse.cli import ArgumentParser, plain_main
from paretoparse.console import new_console
from paretoparse.figures import CYCLE, LINES, style, write_figure

Named = tuple[str, LatencyResult]


def load_results(paths: Sequence[Path]) -> list[Named]:
    """Read results and refuse what cannot be compared.

    Raises:
        ResultError: a result cannot be read, or they come from different device models or runtimes.
    """
    results = [
        (str(path), LatencyResult.load(path / "latency.json.gz" if path.is_dir() else path)) for path in paths
    ]
    for what in ("device", "model"):
        found = sorted({str(result.device[what]) for _, result in results})
        if len(found) > 1:
            raise ResultError(
                f"These results come from different devices ({', '.join(found)}); measure all on the same "
                f"model."
            )
    runtimes = sorted({f"{r.blocks[0].runner}, {r.blocks[0].runtime}" for _, r in results})
    if len(runtimes) > 1:
        raise ResultError(
            f"These results come from different runtimes ({'; '.join(runtimes)}); measure all with the same."
        )
    return results


def rank(results: Sequence[Named], percent: float) -> list[Named]:
    """The results from the fastest to the slowest by a percentile."""
    return sorted(results, key=lambda item: item[1].percentile(percent))


def difference(first: LatencyResult, second: LatencyResult, percent: float) -> Interval:
    """95 % interval of how much slower the second is, milliseconds (see `bootstrap_difference`)."""
    return bootstrap_difference(first.blocks_ms, second.blocks_ms, percent)


def verdict(interval: Interval) -> str:
    """One sentence on a difference's interval."""
    if interval.low > 0:
        return f"slower by {interval.low:.3f} to {interval.high:.3f} ms"
    if interval.high < 0:
        return f"faster by {-interval.high:.3f} to {-interval.low:.3f} ms"
    return f"not distinguishable (difference {interval.low:.3f} to {interval.high:.3f} ms)"


def ranking_table(ranked: Sequence[Named], percent: float) -> Table:
    """One row a result, each compared with the one before it."""
    table = Table("artifact", f"p{percent:g} ms", "95 % interval", "compared with the row above")
    previous: LatencyResult | None = None
    for name, result in ranked:
        interval = dependent_interval(result.blocks_ms, percent)
        shown = "too few runs" if interval is None else f"{interval.low:.3f} to {interval.high:.3f}"
        compared = "" if previous is None else verdict(difference(previous, result, percent))
        table.add_row(name, f"{result.percentile(percent):.3f}", shown, compared)
        previous = result
    return table


def draw(results: Sequence[Named], percent: float) -> Figure:
    """Percentiles of all runs, the slowest stretched; dots and bars: one of them with its 95 % interval."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    looks = itertools.cycle(zip(CYCLE, LINES, strict=False))
    for (name, result), (color, line) in zip(results, looks, strict=False):
        latencies = np.sort(result.latencies_ms)
        slower = np.arange(len(latencies), 0, -1) / len(latencies)
        axes.step(latencies, slower, line, color=color, where="pre", label=_literal(name))
        interval = dependent_interval(result.blocks_ms, percent)
        if interval is not None:
            axes.hlines(1 - percent / 100, interval.low, interval.high, color=color, linewidth=6, alpha=0.35)
        axes.plot(result.percentile(percent), 1 - percent / 100, "o", color=color, markersize=5)
    lowest = min(1 - percent / 100, *(1 / len(result.latencies_ms) for _, result in results))
    # The share of slower runs on a logarithmic axis, as its complement.
    axes.set(xlabel="latency (ms)", ylabel="percentile", xscale="log", yscale="log", ylim=(1, lowest / 1.3))
    shown = [one for one in sorted({0, 50, 90, 99, 99.9, percent}) if 1 - one / 100 >= lowest * (1 - 1e-9)]
    axes.set_yticks([1 - one / 100 for one in shown], [f"{one:g}" for one in shown])
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    axes.xaxis.set_major_formatter("{x:g}")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
    style(axes)
    for text in axes.legend(frameon=False, loc="upper left").get_texts():
        text.set_parse_math(False)  # names are no formulas, whatever dollars they hold
    return figure


def _literal(name: str) -> str:
    # Matplotlib would hide a name that begins with "_".
    return f"./{name}" if name.startswith("_") else name


def main(arguments: Sequence[str]) -> None:
    """Run from the command line."""
    parser = ArgumentParser(prog="python -m latency.compare")
    parser.add_argument("results", nargs="+", type=Path, help="run folders of latency.benchmark")
    parser.add_argument(
        "--percentile", type=float, default=99, help="rank by this one, above 0 and below 100"
    )
    parser.add_argument(
        "--figure", type=Path, help="draw the distributions into this file (.png, .svg, .pdf)"
    )
    options = parser.parse_args(arguments)
    if not 0 < options.percentile < 100:
        parser.error("--percentile must be above 0 and below 100")
    ranked = rank(load_results(options.results), options.percentile)
    new_console().print(ranking_table(ranked, options.percentile))
    if options.figure is not None:
        write_figure(draw(ranked, options.percentile), options.figure)


if __name__ == "__main__":
    plain_main(main, __doc__)
