"""Builds the benchmark's data from studies.

    python -m nas.benchmark.nlu24.build 'study=[DIR,DIR]' output=DIR version=1.0

study=[DIR,...]  folders of searches over the same space, with the same reference, task and measurement
output=DIR       where the data goes: benchmark.json, space.json, trials.csv.gz, surrogate.npz, quality.json
version=TEXT     of the data; results of one version are not those of another
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from nas.benchmark.nlu24 import quality
from nas.benchmark.nlu24.collect import Collected, collect
from nas.benchmark.nlu24.data import QUALITY, BenchmarkError, Description, digest, write_space
from nas.benchmark.nlu24.fit import fit, repeated_noise, with_repeated_noise
from nas.benchmark.nlu24.surrogate import Surrogate
from nas.benchmark.nlu24.table import to_text, write_table
from nas.report.arguments import study_folders
from paretoparse.arguments import read_pairs
from paretoparse.cli import plain_main
from paretoparse.files import write_json

# Below this many runs in the train split there is nothing to model in 24 dimensions.
_LEAST = 20


def main(arguments: Sequence[str]) -> None:
    """Builds the data and prints how good the surrogate is."""
    given = read_pairs(arguments, ["study", "output", "version"])
    for name in ("output", "version"):
        if not given.get(name):
            raise BenchmarkError(f"{name} is not given; add {name}=VALUE.")
    found = build(study_folders(given), Path(given["output"]), given["version"])
    for line in quality.lines(found):
        print(line)
    print(given["output"])


def build(folders: Sequence[Path], output: Path, version: str) -> dict[str, Any]:
    """Builds the data.

    Args:
        folders: Of the studies.
        output: Folder that it goes to.
        version: Of the data.

    Returns:
        What quality.json holds.

    Raises:
        BenchmarkError: If the studies are not of one benchmark, or too few runs succeeded.
        StudyError: If a study cannot be read.
    """
    collected = collect(folders)
    fitted_to = [run for run in collected.runs if run.split != "test"]
    if sum(run.succeeded for run in fitted_to if run.split == "train") < _LEAST:
        raise BenchmarkError(f"fewer than {_LEAST} runs of the train split succeeded; give more studies.")
    text = to_text(collected.space, collected.runs)
    output.mkdir(parents=True, exist_ok=True)
    Description(
        version=version,
        table=digest(text),
        reference=collected.reference,
        reference_point=collected.reference_point,
        epochs=collected.epochs,
        by_pass=collected.by_pass,
        studies=collected.studies,
        settings=collected.settings,
    ).write(output)
    write_space(collected.space, output)
    write_table(text, output)
    make = partial(
        fit,
        collected.space,
        passes=collected.epochs if collected.by_pass else 1,
        table=digest(text),
        version=version,
    )
    # The test split is never seen, so that what is said of it is said of the very surrogate that is released.
    inferred = make(fitted_to)
    repeated = repeated_noise(collected.space, fitted_to)
    released = with_repeated_noise(inferred, repeated)
    released.write(output)
    found = _quality(collected, released, make) | {"noise": quality.noise(released, inferred, repeated)}
    write_json(output / QUALITY, found)
    return found


def _quality(collected: Collected, released: Surrogate, make: quality.Fit) -> dict[str, Any]:
    space, runs = collected.space, collected.runs
    by_split = {name: [run for run in runs if run.split == name] for name in ("train", "valid", "test")}
    return {
        "runs": {name: len(part) for name, part in by_split.items()},
        "test": quality.scores(space, released, by_split["test"]),
        "valid_from_train": quality.scores(space, make(by_split["train"]), by_split["valid"]),
        "leave_one_strategy_out": quality.leave_one_strategy_out(space, runs, make),
        "near_front": quality.near_front(space, released, runs, by_split["test"]),
        "outcomes": quality.outcomes(space, released, by_split["test"]),
        "fronts": quality.fronts(space, released, runs, collected.reference_point),
        "within_two_deviations": quality.consistency(space, released, by_split["test"]),
    }


if __name__ == "__main__":
    plain_main(main, __doc__)
