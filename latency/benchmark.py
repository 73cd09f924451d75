"""Measure an artifact's latency on a device.

python -m latency.benchmark artifact=FILE device=host
python -m latency.benchmark 'artifact=[FILE,FILE]' control=FILE device=android device.bundle=DIR
"""

import logging
from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from latency.artifact import load_artifact
from latency.errors import LatencyError, MissingArtifactError, ResultError
from latency.measurement import measure_batch
from latency.result import LatencyResult
from paretoparse.cli import hydra_main, run_folder
from paretoparse.console import new_console
from paretoparse.metrics import print_metrics, write_metrics

logger = logging.getLogger(__name__)


@hydra_main("benchmark", __doc__)
def main(config: DictConfig) -> None:
    """Measure what the configuration names and leave `metrics.json` and `latency.json.gz` in the run folder.

    Several artifacts are measured in turns, and each gets a folder of its own below the run folder. With a
    control, each result says how its p99 compares with that of the control measured beside it.
    """
    if not config.artifact:
        raise MissingArtifactError(
            "No artifact was named; add artifact=FILE, the .pt or .ptl file that an export has written."
        )
    several = OmegaConf.is_list(config.artifact)
    paths = [Path(str(path)) for path in (config.artifact if several else [config.artifact])]
    control = None if config.control is None else Path(str(config.control))
    plan = instantiate(config.protocol)
    device = instantiate(config.device)
    for path in ([] if several else paths) + ([control] if control else []):
        # Refused before a device is reached for.
        load_artifact(path)
    failures = 0
    with device:
        for number, outcome in measure_batch(paths, device, plan, control):
            if isinstance(outcome, LatencyError):
                if not several:
                    raise outcome
                logger.error("'%s' could not be measured: %s", paths[number], outcome)
                failures += 1
            else:
                report(outcome, run_folder() / str(number) if several else run_folder())
    if failures:
        raise ResultError(f"{failures} of {len(paths)} artifacts could not be measured; see above why.")


def report(result: LatencyResult, folder: Path) -> None:
    """Write a result into a folder and print it."""
    folder.mkdir(exist_ok=True)
    result.save(folder / "latency.json.gz")
    new_console().print(result.table())
    metrics = result.metrics()
    write_metrics(metrics, folder)
    print_metrics(metrics, folder)


if __name__ == "__main__":
    main()
