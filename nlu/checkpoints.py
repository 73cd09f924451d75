"""Checkpoints that are what their names say, and from which a training goes on as if nothing had happened."""

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Checkpoint
from torch import Tensor

from nlu.errors import ConfigError

LAST, BEST = "last.ckpt", "best.ckpt"


class Checkpoints(Checkpoint):
    """Write `last.ckpt` after each pass, `best.ckpt` after each that scored best so far.

    The best weights and their scores are part of both, so a training that goes on knows them in whatever
    folder. Each pass draws its random numbers from the seed and its own number, so one that begins again is
    the same.

    Args:
        folder: where to write; made when missing.
        monitor: the metric of which more is better.
        seed: of the training.

    Attributes:
        weights: the best so far, by name; empty before the first evaluation.
        scores: what the evaluation of these weights logged.
    """

    def __init__(self, folder: Path, monitor: str, seed: int) -> None:
        self.folder = folder
        self.monitor = monitor
        self.seed = seed
        self.weights: dict[str, Tensor] = {}
        self.scores: dict[str, float] = {}
        self._evaluated: dict[str, Tensor] = {}

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Make the pass's random numbers those of its number; a pass that is resumed has no other start."""
        if batch_idx == 0:
            torch.manual_seed(self.seed * 1_000_003 + trainer.current_epoch)

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the weights that are evaluated: a moving average is in their place only now."""
        self._evaluated = {name: tensor.detach().clone() for name, tensor in pl_module.state_dict().items()}

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the checkpoints of a pass."""
        scores = {
            name: float(value) for name, value in trainer.callback_metrics.items() if "loss" not in name
        }
        better = not self.scores or scores[self.monitor] > self.scores[self.monitor]
        if better:
            self.weights, self.scores = self._evaluated, scores
        for name in [BEST, LAST] if better else [LAST]:
            partial = self.folder / f"{name}.partial"
            trainer.save_checkpoint(partial)
            partial.replace(self.folder / name)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {"weights": self.weights, "scores": self.scores}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what a checkpoint kept."""
        self.weights, self.scores = state_dict["weights"], state_dict["scores"]


def check_checkpoint(path: str | Path, *tasks: pl.LightningModule) -> pl.LightningModule:
    """Tell which of the tasks can go on from a checkpoint.

    Raises:
        ConfigError: the file is missing, torn, no checkpoint, or none of these tasks' models.
    """
    path = Path(path)
    setting = f"trainer.resume={path}"
    if not path.is_file():
        raise ConfigError(f"{setting}: there is no such checkpoint.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        states, weights = content["callbacks"], content["state_dict"]
        known = any(name.startswith(Checkpoints.__name__) for name in states) and "loops" in content
    except (UnpicklingError, RuntimeError, ValueError, EOFError, OSError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{setting}: the file is torn or no checkpoint of nlu.train; give the {LAST} of its run."
        ) from error
    if not known:
        raise ConfigError(f"{setting}: this is no checkpoint of nlu.train; give the {LAST} of its run.")
    shapes = {name: tensor.shape for name, tensor in weights.items()}
    for task in tasks:
        if shapes == {name: tensor.shape for name, tensor in task.state_dict().items()}:
            return task
    raise ConfigError(
        f"{setting}: the checkpoint is of another model; "
        "go on with the data, tokenizer and model that it began with."
    )
