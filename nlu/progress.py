"""What accompanies a training: a line in the log for each pass, and the moving average of the weights."""

import logging
import time
from datetime import timedelta
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, WeightAveraging
from torch import Tensor

from nlu.pretraining import Pretraining
from nlu.task import ParsingTask

log = logging.getLogger(__name__)


class PassLog(Callback):
    """Log what the task says of each pass, seconds and the time left.

    Attributes:
        exact_match: pass, from 1, to the exact match after it in percent; empty where none is measured.
    """

    def __init__(self) -> None:
        self.exact_match: dict[int, float] = {}
        self._start = 0.0

    def state_dict(self) -> dict[str, Any]:
        """What a training that is resumed needs to know of the passes before."""
        return {"exact_match": dict(self.exact_match)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """See `state_dict`."""
        self.exact_match = dict(state_dict["exact_match"])

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Start the clock with the first batch; a pass that is resumed has no other start."""
        if batch_idx == 0:
            self._start = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: ParsingTask | Pretraining) -> None:  # type: ignore[override]
        """Log the pass, evaluation included."""
        seconds = time.monotonic() - self._start
        passes = trainer.current_epoch + 1
        if (exact_match := trainer.callback_metrics.get("exact_match")) is not None:
            self.exact_match[passes] = float(exact_match)
        left = timedelta(seconds=round(seconds * ((trainer.max_epochs or passes) - passes)))
        log.info(
            "pass %d of %s: %s, %.0f s, at most %s left",
            passes,
            trainer.max_epochs,
            pl_module.progress(),
            seconds,
            left,
        )


class MovingAverage(WeightAveraging):
    """Exponential moving average of the weights, which is what is evaluated and kept.

    It starts as a plain average (decay (1 + n) / (10 + n) at update n, as TensorFlow's), so that the
    initial weights do not linger.

    Args:
        decay: by step of the optimiser, above 0 and below 1.
    """

    # Steps between updates: seldom enough to cost nothing.
    EVERY = 8

    def __init__(self, decay: float) -> None:
        def average(averaged: Tensor, current: Tensor, count: Tensor | int) -> Tensor:
            n = int(count)
            return torch.lerp(averaged, current, 1 - min(decay**self.EVERY, (1 + n) / (10 + n)))

        super().__init__(avg_fn=average)

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
        """Tell whether to take the weights in after this step."""
        return step_idx is not None and step_idx % self.EVERY == 0
