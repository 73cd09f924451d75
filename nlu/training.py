"""How a parser is trained: from its configuration and data to weights, checkpoints and metrics."""

import logging
import os
import random
import signal
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import datasets
import pytorch_lightning as pl
import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import Callback, EarlyStopping, TQDMProgressBar
from pytorch_lightning.loggers import CSVLogger
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.data import DataLoader

from nlu.augmentation import SlotSubstitution
from nlu.batches import Example, encode_rows, encode_words, make_loader
from nlu.calibration import Calibration
from nlu.checkpoints import Checkpoints, check_checkpoint
from nlu.data.splits import load_splits
from nlu.errors import ConfigError
from nlu.metrics import gold_of, is_exact
from nlu.model.config import ModelConfig, build_model, sizes_of
from nlu.ontology import Ontology
from nlu.parser import FILE_NAME, Parser
from nlu.pretraining import Pretraining
from nlu.progress import MovingAverage, PassLog
from nlu.span import target_of
from nlu.tagging import Tagger
from nlu.task import OptimConfig, ParsingTask
from nlu.tokenizer import train_tokenizer
from nlu.transfer import started_parser
from paretoparse.checks import BELOW_ONE, COUNT, Range, check_switches
from paretoparse.metrics import Metrics, write_metrics

log = logging.getLogger(__name__)

# As many as the fewest runs that a 99th percentile is taken of: that of 100 is left to their slowest.
SAMPLE = 500
# Held-out utterances that two numbers are fitted to.
CALIBRATE = 2000

# What the settings take that no class of their own checks.
_RANGES = {
    "seed": Range(whole=True),
    "tokenizer.vocab_size": Range(low=100, whole=True),
    "data.batch_size": COUNT,
    "data.batches_per_step": COUNT,
    "data.eval_batch_size": COUNT,
    "trainer.max_epochs": COUNT,
    "trainer.patience": COUNT,
    "trainer.gradient_clip": Range(above=True, null=True),
    "trainer.average": BELOW_ONE,
    "trainer.threads": Range(low=1, whole=True, null=True),
}


def train(config: DictConfig, folder: Path) -> Metrics:
    """Train a parser as configured and write it, its checkpoints and its learning curve into a folder.

    Args:
        config: as `conf/train.yaml` composes it.
        folder: of this run; it gets `parser.pt`, `metrics.json`, `curve/` and `checkpoints/`.

    Returns:
        What `metrics.json` holds: percentages `exact_match`, `exact_match_unseen`, `span_exact_match` and
        `length_accuracy` on the eval split, and `exact_match_pass_1` and so on after each pass; `parameters`;
        `epochs`; `seconds`; and the `parser`'s path.

    Raises:
        NluError: the data cannot be had or a setting cannot work.
    """
    start = time.monotonic()
    optim, model_config = OptimConfig(**config.optim), ModelConfig.of(config.model)
    _prepare(config)
    splits = load_splits(config)
    if config.trainer.start is None:
        parser = new_parser(config, model_config, splits["train"])
    else:
        parser = started_parser(config.trainer.start, model_config, splits["train"])
    scores = fit(config, parser, optim, splits, folder)
    calibrate(parser, list(splits["eval"]), config.seed)
    parser.utterances = sample_utterances(splits["eval"]["words"])
    parser.training = {
        "data": OmegaConf.to_container(config.data.load, resolve=True),
        "seed": config.seed,
        **scores,
    }
    parser.save(folder / FILE_NAME)
    metrics: Metrics = {
        **scores,
        "parameters": parser.model.parameter_count(),
        "seconds": time.monotonic() - start,
        "parser": str(folder / FILE_NAME),
    }
    write_metrics(metrics, folder)
    return metrics


def _prepare(config: DictConfig) -> None:
    for name, allowed in _RANGES.items():
        allowed.check(name, OmegaConf.select(config, name), ConfigError)
    check_switches({"trainer.progress": config.trainer.progress}, ConfigError)
    # Lightning explains itself at every start; a search starts it hundreds of times.
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    # Lightning 2.6 itself calls what PyTorch 2.13 has deprecated.
    warnings.filterwarnings("ignore", message=".*LeafSpec.* is deprecated")
    # A kernel is prepared once for each shape, and batches have more shapes than the library keeps by itself.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "8192")
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
    ids = [ontology.encode(target) for target in targets]
    sizes = sizes_of(model_config, len(tokenizer), ontology, ids)
    model = build_model(model_config, sizes)
    log.info(
        "%d utterances, %d pieces, %d ontology tokens, targets of up to %d",
        len(rows),
        len(tokenizer),
        len(ontology),
        sizes.max_length,
    )
    return Parser(model, model_config, tokenizer, ontology, sizes)


def calibrate(parser: Parser, rows: Sequence[Mapping[str, Any]], seed: int) -> None:
    """Fit the calibration of a parser's probabilities to held-out rows of `nlu.data.rows`, or to some."""
    rows = random.Random(seed).sample(rows, min(CALIBRATE, len(rows)))
    parser.calibration = Calibration()
    predictions = parser.predict(encode_rows(rows, parser.tokenizer), 128)
    golds = gold_of(rows, seen=set())
    hits = [
        is_exact(ranked[0][0], gold, parser.ontology) for ranked, gold in zip(predictions, golds, strict=True)
    ]
    parser.calibration = Calibration.fit([ranked[0][1] for ranked in predictions], hits)


def sample_utterances(words: Sequence[list[str]]) -> list[list[str]]:
    """Draw the held-out utterances that travel with a parser: as many as `SAMPLE`, or all there are.

    Whatever the training's seed, they are the same, so that latencies differ by the parsers alone.
    """
    return random.Random(0).sample(list(words), min(SAMPLE, len(words)))


def fit(
    config: DictConfig, parser: Parser, optim: OptimConfig, splits: datasets.DatasetDict, folder: Path
) -> dict[str, float]:
    """Train the parser's model in place.

    Returns:
        What the evaluation of the best weights, which are in the model now, logged; the number of `epochs`;
        and `exact_match_pass_1`, `exact_match_pass_2`, ..., after each of them; pretraining counts for none.

    Raises:
        KeyboardInterrupt: the process was told to stop, by Ctrl-C or SIGTERM; what was trained can go on.
    """
    train_rows, eval_rows = list(splits["train"]), list(splits["eval"])
    golds = gold_of(eval_rows, seen={tuple(row["words"]) for row in train_rows})
    tagger = Tagger(parser.config.embed_dim, parser.ontology, optim.label_smoothing)
    task = ParsingTask(parser.model, tagger, parser.ontology, optim, golds)
    stages: list[pl.LightningModule] = [task]
    if optim.pretraining_passes > 0:
        stages.insert(0, Pretraining(parser.model, optim))
    resume = config.trainer.resume
    if resume is not None:
        del stages[: stages.index(check_checkpoint(resume, *stages))]
    loader = _train_loader(config, parser, train_rows, optim.slot_substitution)
    eval_loader = make_loader(
        encode_rows(eval_rows, parser.tokenizer), config.data.eval_batch_size, seed=None
    )
    if len(stages) > 1:
        checkpoints = Checkpoints(folder / "checkpoints", "pieces_guessed", config.seed)
        trainer = _trainer(config, [PassLog(), checkpoints], folder / "pretraining", optim.pretraining_passes)
        _run(trainer, stages[0], loader, eval_loader, resume)
        resume = None
    checkpoints, passes = Checkpoints(folder / "checkpoints", "exact_match", config.seed), PassLog()
    watching: list[Callback] = [EarlyStopping("exact_match", mode="max", patience=config.trainer.patience)]
    if config.trainer.average > 0:
        watching.append(MovingAverage(config.trainer.average))
    trainer = _trainer(config, [*watching, passes, checkpoints], folder / "curve", config.trainer.max_epochs)
    _run(trainer, task, loader, eval_loader, resume)
    task.load_state_dict(checkpoints.weights)
    parser.model.eval()
    curve = {f"exact_match_pass_{number}": value for number, value in passes.exact_match.items()}
    return {**checkpoints.scores, "epochs": trainer.current_epoch, **curve}


def _run(
    trainer: pl.Trainer,
    task: pl.LightningModule,
    loader: "DataLoader[Any]",
    eval_loader: "DataLoader[Any]",
    resume: str | None,
) -> None:
    on_interrupt = signal.getsignal(signal.SIGINT)
    try:
        with _attention_kernel(trainer):
            trainer.fit(task, loader, eval_loader, ckpt_path=resume, weights_only=True)
    except SystemExit as error:
        # What Lightning makes of Ctrl-C, ignoring all others, and of SIGTERM, with an exit code of 0.
        signal.signal(signal.SIGINT, on_interrupt)
        raise KeyboardInterrupt from error


def _attention_kernel(trainer: pl.Trainer) -> AbstractContextManager[None]:
    # On a CPU the fused kernel's gradient takes ten times as long in bfloat16 as the plain one's (PyTorch
    # 2.13, 64 utterances of 12 pieces); in float32 it takes half.
    if trainer.strategy.root_device.type == "cpu" and trainer.precision.startswith("bf16"):
        return sdpa_kernel(SDPBackend.MATH)
    return nullcontext()


def _train_loader(
    config: DictConfig, parser: Parser, rows: Sequence[dict[str, Any]], substitution: float
) -> "DataLoader[Any]":
    tokenizer, ontology, seed = parser.tokenizer, parser.ontology, config.seed
    examples = encode_rows(rows, tokenizer, ontology)
    if substitution == 0:
        return make_loader(examples, config.data.batch_size, seed)
    pairs = [(row["words"], target_of(row["target"])) for row in rows]
    substitute = SlotSubstitution(pairs, substitution)

    def vary(place: int, epoch: int) -> Example:
        words, target = substitute(*pairs[place], random.Random(f"{seed} {epoch} {place}"))
        return encode_words(words, tokenizer, ontology.encode(target))

    return make_loader(examples, config.data.batch_size, seed, vary)


def _trainer(config: DictConfig, callbacks: Sequence[Callback], curve: Path, max_epochs: int) -> pl.Trainer:
    settings = config.trainer
    bar = [TQDMProgressBar(refresh_rate=20)] if settings.progress else []
    try:
        return pl.Trainer(
            accelerator=settings.accelerator,
            devices=1,
            precision=settings.precision,
            max_epochs=max_epochs,
            accumulate_grad_batches=config.data.batches_per_step,
            gradient_clip_val=settings.gradient_clip,
            callbacks=[*bar, *callbacks],
            logger=CSVLogger(curve.parent, name=curve.name),
            enable_checkpointing=True,
            enable_progress_bar=settings.progress,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            # The task logs once a pass.
            log_every_n_steps=1,
        )
    except (MisconfigurationException, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"the settings of trainer do not work here: {reason}") from error
