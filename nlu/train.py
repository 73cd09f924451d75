"""Train a parser.

python -m nlu.train
python -m nlu.train data=topv2 data.root=DIR 'data.domains=[reminder,weather]'
"""

import logging
import random
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import datasets
import pytorch_lightning as pl
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint, TQDMProgressBar
from pytorch_lightning.loggers import CSVLogger

from nlu.data.batches import encode_rows, make_loader
from nlu.data.rows import target_of
from nlu.errors import ConfigError
from nlu.metrics import gold_of
from nlu.model.config import ModelConfig, build_model
from nlu.ontology import Ontology
from nlu.parser import FILE_NAME, Parser
from nlu.task import OptimConfig, ParsingTask
from nlu.tokenizer import train_tokenizer
from paretoparse.cli import hydra_main, run_folder
from paretoparse.metrics import Metrics, print_metrics, write_metrics

log = logging.getLogger(__name__)

SAMPLE = 100


def train(config: DictConfig, folder: Path) -> Metrics:
    """Train a parser as configured and write it, its checkpoints and its learning curve into a folder.

    Args:
        config: as `conf/train.yaml` composes it.
        folder: of this run; it gets `parser.pt`, `metrics.json`, `curve/` and `checkpoints/`.

    Returns:
        What `metrics.json` holds: percentages `exact_match`, `exact_match_unseen`, `span_exact_match` and
        `length_accuracy` on the eval split; `parameters`; `epochs`; `seconds`; and the `parser`'s path.

    Raises:
        NluError: the data cannot be had or a setting cannot work.
    """
    start = time.monotonic()
    optim, model_config = OptimConfig(**config.optim), ModelConfig.of(config.model)
    _prepare(config)
    splits = instantiate(config.data.load)
    parser = new_parser(config, model_config, splits["train"])
    trainer = fit(config, parser, optim, splits, folder)
    # The last validation scored the weights that are in the parser now.
    scores = {name: float(value) for name, value in trainer.callback_metrics.items() if "loss" not in name}
    parser.utterances = sample_utterances(splits["eval"]["words"], config.seed)
    parser.training = {
        "data": OmegaConf.to_container(config.data.load, resolve=True),
        "seed": config.seed,
        **scores,
    }
    parser.save(folder / FILE_NAME)
    metrics: Metrics = {
        **scores,
        "parameters": sum(parameter.numel() for parameter in parser.model.parameters()),
        "epochs": trainer.current_epoch,
        "seconds": time.monotonic() - start,
        "parser": str(folder / FILE_NAME),
    }
    write_metrics(metrics, folder)
    return metrics


def _prepare(config: DictConfig) -> None:
    for name in ("data.batch_size", "data.eval_batch_size", "trainer.max_epochs", "trainer.patience"):
        if (value := OmegaConf.select(config, name)) < 1:
            raise ConfigError(f"{name}={value} is outside of its range: an integer of at least 1.")
    resume = config.trainer.resume
    if resume is not None and not Path(resume).is_file():
        raise ConfigError(f"trainer.resume={resume}: there is no such checkpoint.")
    # Lightning explains itself at every start; a search starts it hundreds of times.
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    # Lightning 2.6 itself calls what PyTorch 2.13 has deprecated.
    warnings.filterwarnings("ignore", message=".*LeafSpec.* is deprecated")
    # A run that goes on, or a trial that is run again, writes into its own folder.
    warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")
    if config.trainer.threads:
        torch.set_num_threads(config.trainer.threads)
    pl.seed_everything(config.seed, verbose=False)


def new_parser(config: DictConfig, model_config: ModelConfig, rows: datasets.Dataset) -> Parser:
    """Make an untrained parser whose tokenizer, ontology and longest target come from the train split."""
    tokenizer = train_tokenizer(
        rows["words"], config.tokenizer.vocab_size, config.tokenizer.kind, Path(config.paths.cache)
    )
    targets = [target_of(target) for target in rows["target"]]
    ontology = Ontology.of(targets)
    max_length = max(map(len, targets))
    model = build_model(model_config, len(tokenizer), len(ontology), max_length)
    log.info(
        "%d utterances, %d pieces, %d ontology tokens, targets of up to %d",
        len(rows),
        len(tokenizer),
        len(ontology),
        max_length,
    )
    return Parser(model, model_config, tokenizer, ontology, max_length)


def sample_utterances(words: Sequence[list[str]], seed: int) -> list[list[str]]:
    """Draw the held-out utterances that travel with a parser: as many as `SAMPLE`, or all there are."""
    return random.Random(seed).sample(list(words), min(SAMPLE, len(words)))


def fit(
    config: DictConfig, parser: Parser, optim: OptimConfig, splits: datasets.DatasetDict, folder: Path
) -> pl.Trainer:
    """Train the parser's model in place, leaving its best weights in it and their metrics in the trainer."""
    train_rows, eval_rows = list(splits["train"]), list(splits["eval"])
    golds = gold_of(eval_rows, seen={tuple(row["words"]) for row in train_rows})
    task = ParsingTask(parser.model, parser.ontology, optim, golds)
    train_loader = make_loader(
        encode_rows(train_rows, parser.tokenizer, parser.ontology), config.data.batch_size, config.seed
    )
    eval_loader = make_loader(
        encode_rows(eval_rows, parser.tokenizer), config.data.eval_batch_size, seed=None
    )
    best = ModelCheckpoint(folder / "checkpoints", "best", monitor="exact_match", mode="max", save_last=True)
    trainer = _trainer(config.trainer, best, folder)
    trainer.fit(task, train_loader, eval_loader, ckpt_path=config.trainer.resume)
    if trainer.callback_metrics["exact_match"] != best.best_model_score:
        # The last epoch was not the best one.
        trainer.validate(task, eval_loader, ckpt_path=best.best_model_path, verbose=False)
    parser.model.eval()
    return trainer


def _trainer(config: DictConfig, best: ModelCheckpoint, folder: Path) -> pl.Trainer:
    stopping = EarlyStopping("exact_match", mode="max", patience=config.patience)
    callbacks: list[Callback] = [best, stopping]
    if config.progress:
        callbacks.append(TQDMProgressBar(refresh_rate=20))
    return pl.Trainer(
        accelerator=config.accelerator,
        devices=1,
        max_epochs=config.max_epochs,
        gradient_clip_val=config.gradient_clip,
        callbacks=callbacks,
        logger=CSVLogger(folder, name="curve"),
        enable_progress_bar=config.progress,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
    )


@hydra_main("train", __doc__)
def main(config: DictConfig) -> None:
    """Train from the command line."""
    folder = run_folder()
    print_metrics(train(config, folder), folder)


if __name__ == "__main__":
    main()
