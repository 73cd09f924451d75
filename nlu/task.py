"""The LightningModule: losses, optimiser, and exact match after each epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from nlu.augmentation import drop_words
from nlu.batches import Batch
from nlu.errors import ConfigError
from nlu.metrics import Gold, score
from nlu.model.base import LossSettings, ParserModel
from nlu.ontology import Ontology
from nlu.tagging import Tagger
from paretoparse.checks import BELOW_ONE, SHARE, Range


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
    tag_loss_weight: float = 0.0
    consistency_weight: float = 0.0
    word_dropout: float = 0.0
    slot_substitution: float = 0.0
    pretraining_passes: int = 0

    def __post_init__(self) -> None:
        weight = Range()
        ranges = {
            "lr": Range(above=True),
            "weight_decay": weight,
            "warmup": BELOW_ONE,
            "length_loss_weight": weight,
            "tag_loss_weight": weight,
            "consistency_weight": weight,
            "label_smoothing": BELOW_ONE,
            "length_label_smoothing": BELOW_ONE,
            "word_dropout": BELOW_ONE,
            "slot_substitution": SHARE,
            "pretraining_passes": Range(whole=True),
        }
        for name, allowed in ranges.items():
            allowed.check(f"optim.{name}", getattr(self, name), ConfigError)


class OptimizedByAdamW(pl.LightningModule):
    """AdamW whose learning rate rises over the warm-up, and falls linearly to zero; clipped gradients.

    Args:
        optim: its settings.
    """

    def __init__(self, optim: OptimConfig) -> None:
        super().__init__()
        self.optim = optim

    def configure_optimizers(self) -> Any:
        """Return the optimiser, and its schedule by step."""
        optim = self.optim
        steps = max(int(self.trainer.estimated_stepping_batches), 1)
        warmup = max(round(optim.warmup * steps), 1)

        def factor(step: int) -> float:
            return min((step + 1) / warmup, (steps - step) / max(steps - warmup, 1), 1.0)

        optimizer = torch.optim.AdamW(
            self.parameters(), lr=optim.lr, weight_decay=optim.weight_decay, fused=True
        )
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip the gradient's norm; Lightning refuses to with a fused optimiser in mixed precision."""
        if gradient_clip_val:
            torch.nn.utils.clip_grad_norm_(self.parameters(), gradient_clip_val)


class ParsingTask(OptimizedByAdamW):
    """Train a parser of any architecture.

    Args:
        model: the parser.
        tagger: of its words, as wide as the model.
        ontology: the output vocabulary.
        optim: losses and optimiser.
        golds: what the held-out split's utterances mean, in the order of its examples.
    """

    def __init__(
        self,
        model: ParserModel,
        tagger: Tagger,
        ontology: Ontology,
        optim: OptimConfig,
        golds: Sequence[Gold],
    ) -> None:
        super().__init__(optim)
        self.model = model
        self.tagger = tagger
        self.ontology = ontology
        self.golds = golds
        self._predictions: dict[int, list[int]] = {}
        self._losses: list[Tensor] = []
        self._settings = LossSettings(
            optim.label_smoothing, optim.length_label_smoothing, optim.consistency_weight
        )

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Return the loss of a batch: tokens given the true lengths, weighted lengths and tags, rescoring."""
        if self.optim.consistency_weight > 0:
            batch = Batch(*(torch.cat([part, part]) for part in batch))
        if self.optim.word_dropout > 0:
            batch = drop_words(batch, self.optim.word_dropout)
        losses = self.model.losses(batch, self._settings)
        loss = losses.token + self.optim.length_loss_weight * losses.length + losses.rescoring
        rescoring = torch.zeros_like(loss) + losses.rescoring
        tag_loss = torch.zeros_like(loss)
        if self.optim.tag_loss_weight > 0:
            tag_loss = self.tagger.loss(losses.words, batch)
            loss = loss + self.optim.tag_loss_weight * tag_loss
        self._losses.append(torch.stack([loss, losses.token, losses.length, tag_loss, rescoring]).detach())
        return loss

    def mean_losses(self) -> list[float]:
        """Return the pass's mean loss so far, and its parts: tokens, lengths, word tags and rescoring."""
        return torch.stack(self._losses).mean(dim=0).tolist()

    def progress(self) -> str:
        """Say how well the pass went, for its line in the log."""
        metrics = self.trainer.callback_metrics
        return (
            f"EM {metrics['exact_match']:.2f}, length {metrics['length_accuracy']:.2f}, "
            f"loss {self.mean_losses()[0]:.3f}"
        )

    def on_train_epoch_end(self) -> None:
        """Log the mean losses of the pass; logging each step would cost more than the optimiser."""
        names = ("loss", "token_loss", "length_loss", "tag_loss", "rescoring_loss")
        self.log_dict(dict(zip(names, self.mean_losses(), strict=True)))
        self._losses.clear()

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Parse a batch of the held-out split."""
        for place, ranked in zip(batch.places.tolist(), self.model.predict(batch, 1), strict=True):
            self._predictions[place] = ranked[0][0]

    def on_validation_epoch_end(self) -> None:
        """Score the held-out split, or what a sanity check has parsed of it."""
        places = sorted(self._predictions)
        predictions = [self._predictions[place] for place in places]
        self.log_dict(
            score(predictions, [self.golds[place] for place in places], self.ontology), prog_bar=True
        )
        self._predictions.clear()
