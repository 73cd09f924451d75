"""Rank measured artifacts: python -m latency.compare A B ... [--percentile 99] [--figure FILE.png].

A and B are run folders of `latency.benchmark` or the `latency.json.gz` in them.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from rich.table import Table

from latency.errors import ResultError
from latency.result import LatencyResult
from latency.statistics import Interval, bootstrap_difference, dependent_interval
from paretoparse.cli import ArgumentParser, plain_main
from paretoparse.console import new_console

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
    """Empirical distribution functions, with the percentile as a line."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for (name, result), style in zip(results, itertools.cycle(["-", "--", "-.", ":"]), strict=False):
        latencies = np.sort(result.latencies_ms)
        axes.step(
            latencies, np.arange(1, len(latencies) + 1) / len(latencies), style, where="post", label=name
        )
    axes.axhline(percent / 100, color="grey", linewidth=0.8)
    axes.set(xlabel="latency (ms)", ylabel="share of runs at most this long", xscale="log", ylim=(0, 1.01))
    axes.legend()
    return figure


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
        draw(ranked, options.percentile).savefig(options.figure)


if __name__ == "__main__":
    plain_main(main, __doc__)
