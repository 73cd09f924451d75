"""Masked language modelling (Devlin et al. 2019) of the train split's utterances, before parsing is learnt.

Frames tell an encoder little of what words mean and which of them go together; the utterances tell it more,
and no other text is needed (Krishna et al. 2023, "Downstream datasets make surprisingly good pretraining
corpora").
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from nlu.augmentation import hidden_pieces
from nlu.batches import Batch
from nlu.errors import ConfigError
from nlu.model.base import ParserModel
from nlu.model.encoder import Encoder
from nlu.task import OptimConfig, OptimizedByAdamW
from nlu.tokenizer import UNKNOWN

# Share of the words to guess. Utterances are short: of ten words BERT's 15 % would hide one or two.
HIDDEN = 0.25


class Pretraining(OptimizedByAdamW):
    """Teach a parser's encoder to guess hidden words from those around them.

    Of the pieces to guess 80 % are made unknown, 10 % another piece, and 10 % stay as they are, so that the
    encoder has to look at all of them.

    Args:
        model: the parser.
        optim: its optimiser.

    Raises:
        ConfigError: the architecture has no encoder of pieces.
    """

    def __init__(self, model: ParserModel, optim: OptimConfig) -> None:
        super().__init__(optim)
        if not isinstance(encoder := getattr(model, "encoder", None), Encoder):
            raise ConfigError(
                f"optim.pretraining_passes={optim.pretraining_passes}: takes 0 for this architecture, "
                "whose encoder is a recurrent one."
            )
        self.encoder = encoder
        vocab_size, dim = encoder.embedding.table.weight.shape
        self.transform = nn.Sequential(nn.Linear(dim, dim), nn.GELU(), nn.LayerNorm(dim))
        self.bias = nn.Parameter(torch.zeros(vocab_size))
        self._losses: list[Tensor] = []
        self._guessed: list[Tensor] = []

    def guess(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Hide words of a batch; return scores `n x v` of the n pieces to guess, and what they are."""
        hidden = hidden_pieces(batch, HIDDEN)
        chance = torch.rand(batch.pieces.shape, device=batch.pieces.device)
        others = torch.randint_like(batch.pieces, UNKNOWN + 1, len(self.bias))
        pieces = torch.where(hidden & (chance < 0.9), others, batch.pieces)
        pieces = pieces.masked_fill(hidden & (chance < 0.8), UNKNOWN)
        guesses = self.transform(self.encoder(pieces, batch.piece_mask)[hidden])
        scores = functional.linear(guesses, self.encoder.embedding.table.weight, self.bias)
        return scores.float(), batch.pieces[hidden]

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Return the mean loss of the pieces to guess; 0 where chance hid none."""
        scores, pieces = self.guess(batch)
        loss = functional.cross_entropy(scores, pieces, reduction="sum") / max(len(pieces), 1)
        self._losses.append(loss.detach())
        return loss

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Guess hidden words of the held-out split, the same ones after each pass."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(batch_index)
            scores, pieces = self.guess(batch)
        self._guessed.append(scores.argmax(dim=1) == pieces)

    def on_validation_epoch_end(self) -> None:
        """Log the share of held-out pieces that were guessed, in percent."""
        self.log("pieces_guessed", 100 * torch.cat(self._guessed).float().mean(), prog_bar=True)
        self._guessed.clear()

    def progress(self) -> str:
        """Say how well the pass went, for its line in the log."""
        guessed = self.trainer.callback_metrics["pieces_guessed"]
        loss = torch.stack(self._losses).mean()
        return f"pretraining, {guessed:.1f} % of hidden pieces guessed, loss {loss:.3f}"

    def on_train_epoch_end(self) -> None:
        """Forget the losses of the pass."""
        self._losses.clear()
