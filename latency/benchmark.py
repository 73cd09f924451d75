"""Measure an artifact's latency on a device.

python -m latency.benchmark artifact=FILE device=host
python -m latency.benchmark 'artifact=[FILE,FILE]' device=android device.bundle=DIR
"""

from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from latency.artifact import load_artifact
from latency.device.pool import DevicePool
from latency.errors import LatencyError, MissingArtifactError
from latency.measurement import measure_all
from latency.result import LatencyResult
from paretoparse.cli import hydra_main, run_folder
from paretoparse.console import new_console
from paretoparse.metrics import print_metrics, write_metrics


@hydra_main("benchmark", __doc__)
def main(config: DictConfig) -> None:
    """Measure what the configuration names and leave `metrics.json` and `latency.json.gz` in the run folder.

    Several artifacts are measured in turns, and each gets a folder of its own below the run folder.
    """
    if not config.artifact:
        raise MissingArtifactError(
            "No artifact was named; add artifact=FILE, the .pt or .ptl file that an export has written."
        )
    several = OmegaConf.is_list(config.artifact)
    paths = [Path(str(path)) for path in (config.artifact if several else [config.artifact])]
    protocol = instantiate(config.protocol)
    opened = instantiate(config.device)
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
            folder = run_folder() / str(number) if several else run_folder()
            folder.mkdir(exist_ok=True)
            outcome.save(folder / "latency.json.gz")
            new_console().print(outcome.table())
            metrics = outcome.metrics()
            write_metrics(metrics, folder)
            print_metrics(metrics, folder)
    if failures:
        raise failures[0]


if __name__ == "__main__":
    main()
