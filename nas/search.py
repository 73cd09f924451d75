"""Search for the best trade-offs between exact match and latency.

python -m nas.search
python -m nas.search data=topv2 data.root=DIR 'data.domains=[weather]' search.budget=240
python -m nas.search search.dir=DIR          # go on with an interrupted search
"""

from typing import Any

from omegaconf import DictConfig

from nas.trial import train_and_export
from paretoparse.cli import hydra_main, run_folder


@hydra_main("search", __doc__)
def main(config: DictConfig) -> dict[str, Any]:
    """Run one trial; the sweeper named in the configuration calls this for each of them."""
    return train_and_export(config, run_folder())


if __name__ == "__main__":
    main()
