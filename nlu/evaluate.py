"""Evaluate a trained parser on a split of a data set.

python -m nlu.evaluate parser=DIR_OR_FILE
python -m nlu.evaluate parser=DIR_OR_FILE data=topv2 data.root=DIR 'data.domains=[weather]' split=test
"""

import logging
import time

from hydra.utils import instantiate
from omegaconf import DictConfig

from nlu.data.batches import encode_rows
from nlu.errors import ConfigError
from nlu.metrics import gold_of, score
from nlu.parser import check_ontology, load_parser
from paretoparse.cli import hydra_main, run_folder
from paretoparse.metrics import Metrics, print_metrics, write_metrics

log = logging.getLogger(__name__)


def evaluate(config: DictConfig) -> Metrics:
    """Score a parser on a split.

    Args:
        config: as `conf/evaluate.yaml` composes it.

    Returns:
        The percentages of `nlu.metrics.score`, `parameters`, `utterances` and `seconds`.

    Raises:
        NluError: the parser or the data cannot be read, or do not fit together.
    """
    start = time.monotonic()
    parser = load_parser(str(config.parser))
    splits = instantiate(config.data.load)
    if config.split not in splits:
        raise ConfigError(f"split={config.split}: the data has {', '.join(splits)} only.")
    rows = list(splits[config.split])
    golds = gold_of(rows, seen=set(map(tuple, splits["train"]["words"])))
    if unknown := check_ontology(parser, [gold.target for gold in golds]):
        log.warning("%d utterances need a label that the parser does not know; they count as wrong", unknown)
    predictions = parser.predict(encode_rows(rows, parser.tokenizer), config.data.eval_batch_size)
    return {
        **score(predictions, golds, parser.ontology),
        "parameters": sum(parameter.numel() for parameter in parser.model.parameters()),
        "utterances": len(rows),
        "seconds": time.monotonic() - start,
    }


@hydra_main("evaluate", __doc__)
def main(config: DictConfig) -> None:
    """Evaluate from the command line."""
    folder = run_folder()
    metrics = evaluate(config)
    write_metrics(metrics, folder)
    print_metrics(metrics, folder)


if __name__ == "__main__":
    main()
