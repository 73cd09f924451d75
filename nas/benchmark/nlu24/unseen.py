"""How well the surrogate foretells studies that its data is not from.

    python -m nas.benchmark.nlu24.unseen 'study=[DIR,DIR]' [data=DIR]

study=[DIR,...]  folders of searches over the benchmark's space; trials that its table has are left out
data=DIR         the benchmark's data; without it that of the package
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nas.benchmark.nlu24 import NLU24
from nas.benchmark.nlu24.collect import collect, result
from nas.benchmark.nlu24.data import BenchmarkError
from nas.benchmark.nlu24.quality import consistency, lines, scores
from nas.benchmark.nlu24.table import Run
from nas.report.arguments import study_folders, titles
from nas.space import difference, tell
from paretoparse.arguments import read_pairs
from paretoparse.cli import plain_main


def main(arguments: Sequence[str]) -> None:
    """Prints the scores of each study."""
    given = read_pairs(arguments, ["study", "data"])
    for line in lines(foretold(study_folders(given), given.get("data"))):
        print(line)


def foretold(folders: Sequence[Path], data: str | Path | None = None) -> dict[str, Any]:
    """How well the surrogate foretells the runs of studies that are not in its table.

    Args:
        folders: Of the studies.
        data: Folder of the benchmark's data; None: the data that comes with the package.

    Returns:
        Of each study by name, and of several as `all`: how many runs were `left_out`, since the table or a
        study before has them, how many of the others `failed` or `diverged`, and `quality.scores` and
        `quality.consistency` of the rest.

    Raises:
        BenchmarkError: If there is no such data, or a study has another space or no reference model.
        StudyError: If a study cannot be read.
    """
    bench = NLU24(data=data)
    known = {result(bench.space, run) for run in bench.runs}
    left_out: dict[str, int] = {}
    unseen: dict[str, list[Run]] = {}
    for name, folder in zip(titles(folders), folders, strict=True):
        collected = collect([folder])
        if found := difference(bench.space.describe(), collected.space.describe()):
            raise BenchmarkError(f"{name} has another space than the benchmark: {tell(found)}")
        unseen[name] = [run for run in collected.runs if result(bench.space, run) not in known]
        left_out[name] = len(collected.runs) - len(unseen[name])
        known |= {result(bench.space, run) for run in unseen[name]}
    if len(folders) > 1:
        unseen["all"] = [run for runs in unseen.values() for run in runs]
        left_out["all"] = sum(left_out.values())
    return {name: _told(bench, runs, left_out[name]) for name, runs in unseen.items()}


def _told(bench: NLU24, runs: Sequence[Run], left_out: int) -> dict[str, Any]:
    counts = {
        "left_out": left_out,
        "unseen": len(runs),
        "failed": sum(run.failure is not None for run in runs),
        "diverged": sum(run.diverged for run in runs),
    }
    return {
        "runs": counts,
        **scores(bench.space, bench.surrogate, runs),
        "within_two_deviations": consistency(bench.space, bench.surrogate, runs),
    }


if __name__ == "__main__":
    plain_main(main, __doc__)
