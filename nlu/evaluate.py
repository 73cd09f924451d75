"""Evaluate a trained parser on a split of a data set.

python -m nlu.evaluate parser=DIR_OR_FILE
python -m nlu.evaluate parser=DIR_OR_FILE data=topv2 data.root=DIR 'data.domains=[weather]' split=test
"""

import logging
import time
from pathlib import Path

from omegaconf import DictConfig

from nlu.batches import encode_rows
from nlu.data.splits import load_splits
from nlu.errors import ConfigError
from nlu.metrics import gold_of
from nlu.parser import Parser, check_ontology
from nlu.report import evaluate_predictions, write_report
from paretoparse.checks import COUNT
from paretoparse.cli import hydra_main, run_folder
from paretoparse.metrics import Metrics, print_metrics, write_metrics

log = logging.getLogger(__name__)


def evaluate(config: DictConfig, folder: Path) -> Metrics:
    """Score a parser on a split.

    Args:
        config: as `conf/evaluate.yaml` composes it.
        folder: gets `summary.json` and `errors.jsonl` (see `nlu.report`).

    Returns:
        The metrics of `nlu.report.evaluate_predictions`, `parameters`, `utterances` and `seconds`.

    Raises:
        NluError: the parser or the data cannot be read, or do not fit together.
    """
    start = time.monotonic()
    COUNT.check("count", config.count, ConfigError)
    COUNT.check("data.eval_batch_size", config.data.eval_batch_size, ConfigError)
    parser = Parser.load(config.parser)
    splits = load_splits(config, ["train"])
    if config.split not in splits:
        raise ConfigError(f"split={config.split}: the data has {', '.join(splits)} only.")
    rows = list(splits[config.split])
    golds = gold_of(rows, seen=set(map(tuple, splits["train"]["words"])))
    if unknown := check_ontology(parser, [gold.target for gold in golds]):
        log.warning("%d utterances need a label that the parser does not know; they count as wrong", unknown)
    examples = encode_rows(rows, parser.tokenizer)
    predictions = parser.predict(examples, config.data.eval_batch_size, config.count)
    write_report(predictions, golds, parser.ontology, folder)
    return {
        **evaluate_predictions(predictions, golds, parser.ontology, config.count),
        "parameters": parser.model.parameter_count(),
        "utterances": len(rows),
        "seconds": time.monotonic() - start,
    }


@hydra_main("evaluate", __doc__, verbatim=("parser",))
def main(config: DictConfig) -> None:
    """Evaluate from the command line."""
    folder = run_folder()
    metrics = evaluate(config, folder)
    write_metrics(metrics, folder)
    print_metrics(metrics, folder)


if __name__ == "__main__":
    main()
