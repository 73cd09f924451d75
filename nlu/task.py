"""The LightningModule: losses, optimiser, and exact match after each epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from nlu.data.batches import Batch
from nlu.errors import ConfigError
from nlu.inference import predict_batch
from nlu.metrics import Gold, score
from nlu.model.span_pointer import Encoded, SpanPointer
from nlu.ontology import Ontology


@dataclass(frozen=True)
class OptimConfig:
    """How the parser is trained; `conf/optim/adamw.yaml` says what each value means.

    Raises:
        ConfigError: a value is outside of its range.
    """

    lr: float
    weight_decay: float
    warmup: float
    length_loss_weight: float
    label_smoothing: float
    length_label_smoothing: float

    def __post_init__(self) -> None:
        rules = {
            "lr": (self.lr > 0, "above 0"),
            "weight_decay": (self.weight_decay >= 0, "0 or more"),
            "warmup": (0 <= self.warmup < 1, "0 to below 1"),
            "length_loss_weight": (self.length_loss_weight >= 0, "0 or more"),
            "label_smoothing": (0 <= self.label_smoothing < 1, "0 to below 1"),
            "length_label_smoothing": (0 <= self.length_label_smoothing < 1, "0 to below 1"),
        }
        for name, (fits, allowed) in rules.items():
            if not fits:
                raise ConfigError(f"optim.{name}={getattr(self, name)} is outside of its range: {allowed}.")


def smoothed_nll(log_probabilities: Tensor, target: Tensor, valid: Tensor, smoothing: float) -> Tensor:
    """Negative log-likelihood with uniform label smoothing over the entries that exist.

    Args:
        log_probabilities: `… x c`.
        target: class of each row, `…`.
        valid: `… x c`, true at classes that the row can have (words beyond an utterance's end are none).
        smoothing: weight s of the uniform part, 0 to below 1.

    Returns:
        Loss of each row, `…`: (1 - s) · nll + s · mean of the valid classes' nll.
    """
    nll = -log_probabilities.gather(-1, target.unsqueeze(-1)).squeeze(-1)
    if smoothing == 0:
        return nll
    uniform = -log_probabilities.masked_fill(~valid, 0.0).sum(dim=-1) / valid.sum(dim=-1)
    return (1 - smoothing) * nll + smoothing * uniform


class ParsingTask(pl.LightningModule):
    """Train a span-pointer parser.

    Args:
        model: the parser.
        ontology: the output vocabulary.
        optim: losses and optimiser.
        golds: what the held-out split's utterances mean, in the order of its examples.
    """

    def __init__(
        self, model: SpanPointer, ontology: Ontology, optim: OptimConfig, golds: Sequence[Gold]
    ) -> None:
        super().__init__()
        self.model = model
        self.ontology = ontology
        self.optim = optim
        self.golds = golds
        self._predictions: dict[int, list[int]] = {}

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Return the loss of a batch: tokens given the true lengths, plus weighted lengths."""
        encoded = self.model.encode(batch.pieces, batch.piece_mask, batch.word_starts, batch.word_mask)
        token_loss = self.token_loss(batch, encoded)
        length_loss = self.length_loss(batch, encoded)
        loss = token_loss + self.optim.length_loss_weight * length_loss
        losses = {"loss": loss, "token_loss": token_loss, "length_loss": length_loss}
        self.log_dict(losses, on_step=False, on_epoch=True, batch_size=len(batch.places))
        return loss

    def token_loss(self, batch: Batch, encoded: Encoded) -> Tensor:
        """Return the mean smoothed negative log-likelihood of the target tokens."""
        lengths = batch.target_mask.sum(dim=1)
        scores = self.model.decode(lengths, batch.target_mask, batch.targets.shape[1], encoded)
        ontology = batch.word_mask.new_ones(len(lengths), len(self.ontology))
        valid = torch.cat([ontology, batch.word_mask], dim=1).unsqueeze(1).expand_as(scores)
        loss = smoothed_nll(scores, batch.targets, valid, self.optim.label_smoothing)
        return loss[batch.target_mask].mean()

    def length_loss(self, batch: Batch, encoded: Encoded) -> Tensor:
        """Return the mean smoothed negative log-likelihood of the target lengths."""
        classes = batch.target_mask.sum(dim=1) // 2
        valid = torch.ones_like(encoded.lengths, dtype=torch.bool)
        valid[:, 0] = False
        return smoothed_nll(encoded.lengths, classes, valid, self.optim.length_label_smoothing).mean()

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Parse a batch of the held-out split."""
        self._predictions.update(predict_batch(self.model, batch))

    def on_validation_epoch_end(self) -> None:
        """Score the held-out split, or what a sanity check has parsed of it."""
        places = sorted(self._predictions)
        predictions = [self._predictions[place] for place in places]
        self.log_dict(
            score(predictions, [self.golds[place] for place in places], self.ontology), prog_bar=True
        )
        self._predictions.clear()

    def configure_optimizers(self) -> Any:
        """AdamW; the learning rate rises linearly over the warm-up and falls linearly to zero."""
        steps = max(int(self.trainer.estimated_stepping_batches), 1)
        warmup = max(round(self.optim.warmup * steps), 1)

        def factor(step: int) -> float:
            return min((step + 1) / warmup, (steps - step) / max(steps - warmup, 1), 1.0)

        optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=self.optim.lr, weight_decay=self.optim.weight_decay, fused=True
        )
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}
