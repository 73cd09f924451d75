"""Measure an artifact's latency on a device.

python -m latency.benchmark artifact=FILE device=host
python -m latency.benchmark 'artifact=[FILE,FILE]' device=android device.bundle=DIR
"""

from pathlib import Path

import hydra
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from latency.artifact import load_artifact
from latency.cli import output_dir, report_errors, report_metrics
from latency.device.pool import DevicePool
from latency.errors import LatencyError, MissingArtifactError
from latency.measurement import measure_all
from latency.result import LatencyResult


@report_errors
def run(config: DictConfig) -> None:
    """Measure what the configuration names and leave `metrics.json` and `latency.json.gz` in the run folder.

    Several artifacts are measured in turns, and each gets a folder of its own below the run folder.
    """
    if not config.artifact:
        raise MissingArtifactError(
            "No artifact was named; add artifact=FILE, the .pt or .ptl file that an export has written."
        )
    several = OmegaConf.is_list(config.artifact)
    paths = [Path(str(path)) for path in (config.artifact if several else [config.artifact])]
    protocol = hydra.utils.instantiate(config.protocol)
    opened = hydra.utils.instantiate(config.device)
    if len(paths) == 1:
        # Refused before a device is reached for.
        load_artifact(paths[0])
    with opened as device:
        if isinstance(device, DevicePool):
            outcomes = device.measure_all(paths, protocol)
        else:
            outcomes = measure_all(paths, device, protocol)
    failures = [outcome for outcome in outcomes if isinstance(outcome, LatencyError)]
    for number, outcome in enumerate(outcomes):
        if isinstance(outcome, LatencyResult):
            folder = output_dir() / str(number) if several else output_dir()
            folder.mkdir(exist_ok=True)
            outcome.save(folder / "latency.json.gz")
            Console().print(outcome.table())
            report_metrics(outcome.metrics(), folder)
    if failures:
        raise failures[0]


@hydra.main(version_base="1.3", config_path="../conf", config_name="benchmark")
def main(config: DictConfig) -> None:
    """Run from the command line."""
    run(config)


if __name__ == "__main__":
    main()
