"""Train a parser.

python -m nlu.train
python -m nlu.train data=topv2 data.root=DIR 'data.domains=[reminder,weather]'
"""

from omegaconf import DictConfig

from paretoparse.cli import hydra_main, run_folder
from paretoparse.metrics import print_metrics


@hydra_main("train", __doc__)
def main(config: DictConfig) -> None:
    """Train from the command line."""
    # Slow to import: --help and overrides that cannot be composed do without.
    from nlu.training import train

    folder = run_folder()
    print_metrics(train(config, folder), folder)


if __name__ == "__main__":
    main()
