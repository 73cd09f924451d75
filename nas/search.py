"""Search for the best trade-offs between exact match and latency.

python -m nas.search
python -m nas.search data=topv2 data.root=DIR 'data.domains=[weather]' search.budget=240
python -m nas.search search.dir=DIR          # go on with an interrupted search
python -m nas.search task=nlu24              # search a benchmark: nothing is trained or measured
"""

from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from paretoparse.cli import hydra_main, run_folder


@hydra_main("search", __doc__)
def main(config: DictConfig) -> dict[str, Any]:
    """Run one trial; the sweeper named in the configuration calls this for each of them."""
    task = OmegaConf.select(config, "task")
    if task is not None:
        metrics: dict[str, Any] = instantiate(task)(config)
        return metrics
    # Takes seconds to load, which neither --help nor a task of another kind should wait for.
    from nas.trial import train_and_export

    return train_and_export(config, run_folder())


if __name__ == "__main__":
    main()
