"""A small baseline: choose a template of the train split, then find its spans in one pass."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nlu.batches import Batch
from nlu.model.base import Hypothesis, Losses, LossSettings, ParserModel, length_loss, row_losses
from nlu.model.decoder import Decoder
from nlu.model.encoder import Encoder
from nlu.model.length import LengthModule
from nlu.model.pointer import PointerHead


class Template(ParserModel):
    """Frames of unseen shape are out of its reach; all that it says is well-formed.

    Args:
        encoder, decoder, pointer: as in the span pointer.
        classifier: the length module over templates in the place of lengths; class 0 never occurs.
        dim: width d.
        templates: target ids in which each index is K; class k is template k - 1.
        beam: templates that are filled side by side and ranked.
    """

    templates: Tensor
    lengths: Tensor

    def __init__(
        self,
        encoder: Encoder,
        classifier: LengthModule,
        decoder: Decoder,
        pointer: PointerHead,
        dim: int,
        templates: Sequence[Sequence[int]],
        beam: int,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.classifier = classifier
        self.decoder = decoder
        self.pointer = pointer
        self.ontology_size = pointer.ontology.out_features
        self.tokens = nn.Embedding(self.ontology_size + 1, dim)
        self.beam = beam
        self._classes = {tuple(template): number for number, template in enumerate(templates, start=1)}
        rows = [torch.zeros(0, dtype=torch.int64), *(torch.tensor(template) for template in templates)]
        padded = nn.utils.rnn.pad_sequence(rows, batch_first=True)
        # Rebuilt from the sizes, so no part of the weights.
        self.register_buffer("templates", padded, persistent=False)
        self.register_buffer("lengths", torch.tensor([len(row) for row in rows]), persistent=False)

    def encode(
        self, pieces: Tensor, piece_mask: Tensor | None, word_starts: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return pieces `b x t x d`, words `b x w x d` and log-probabilities of templates `b x c`."""
        encoded = self.encoder(pieces, piece_mask)
        words = encoded.gather(1, word_starts.unsqueeze(-1).expand(-1, -1, encoded.shape[-1]))
        return encoded, words, self.classifier(encoded, piece_mask)

    def fill(
        self,
        classes: Tensor,
        encoded: Tensor,
        piece_mask: Tensor | None,
        words: Tensor,
        word_mask: Tensor | None,
    ) -> Tensor:
        """Return log-probabilities of words, `b x l x w`, at each position of the chosen templates, `b`."""
        lengths = self.lengths[classes]
        longest = int(lengths.max())
        mask = torch.arange(longest, device=lengths.device).unsqueeze(0) < lengths.unsqueeze(1)
        x = self.decoder.embedding(lengths, longest) + self.tokens(self.templates[classes, :longest])
        x = self.decoder.transform(x, mask, encoded, piece_mask)
        return self.pointer(x, words, word_mask)[:, :, self.ontology_size :].log_softmax(dim=-1)

    def losses(self, batch: Batch, settings: LossSettings) -> Losses:
        """Return the losses of the words at a template's indices, and of the template (as the length's)."""
        encoded, words, scores = self.encode(batch.pieces, batch.piece_mask, batch.word_starts)
        shapes = batch.targets.clamp(max=self.ontology_size)
        classes = torch.tensor(
            [
                self._classes[tuple(shape[mask].tolist())]
                for shape, mask in zip(shapes, batch.target_mask, strict=True)
            ],
            device=encoded.device,
        )
        filled = self.fill(classes, encoded, batch.piece_mask, words, batch.word_mask)
        index = (batch.targets - self.ontology_size)[:, : filled.shape[1]]
        is_index = (index >= 0) & batch.target_mask[:, : filled.shape[1]]
        valid = batch.word_mask.unsqueeze(1).expand_as(filled)
        losses = row_losses(filled, index.clamp(min=0), valid, settings.token_smoothing, settings.consistency)
        token = losses[is_index]
        return Losses(token.sum() / max(len(token), 1), length_loss(scores, classes, settings), words)

    def predict(self, batch: Batch, count: int) -> list[list[Hypothesis]]:
        """Parse a batch, one utterance after the other; see `ParserModel.predict`."""
        return [
            self.search(pieces[piece_mask], starts[word_mask], max(count, self.beam))[:count]
            for pieces, piece_mask, starts, word_mask in zip(
                batch.pieces, batch.piece_mask, batch.word_starts, batch.word_mask, strict=True
            )
        ]

    def forward(self, pieces: Tensor, word_starts: Tensor) -> Tensor:
        """Parse one utterance; see `ParserModel.forward`."""
        return torch.tensor(self.search(pieces, word_starts, self.beam)[0][0])

    @torch.jit.export
    def search(self, pieces: Tensor, word_starts: Tensor, beam: int) -> list[tuple[list[int], float]]:
        """Fill the most likely templates; return target ids and log-probabilities, most likely first."""
        encoded, words, scores = self.encode(pieces.unsqueeze(0), None, word_starts.unsqueeze(0))
        count = min(beam, scores.size(1) - 1)
        best, classes = scores[0].topk(count)
        filled = self.fill(classes, encoded.expand(count, -1, -1), None, words.expand(count, -1, -1), None)
        answers: list[tuple[list[int], float]] = []
        order: list[tuple[float, int]] = []
        for row in range(count):
            ids: list[int] = self.templates[classes[row], : int(self.lengths[classes[row]])].tolist()
            score = float(best[row])
            # A span's first word is not after its last one.
            firsts, first_words = filled[row].cummax(dim=1)
            for position in range(len(ids) - 1):
                if ids[position] == self.ontology_size and ids[position + 1] >= self.ontology_size:
                    pair, last = (firsts[position] + filled[row, position + 1]).max(dim=0)
                    ids[position] = self.ontology_size + int(first_words[position, last])
                    ids[position + 1] = self.ontology_size + int(last)
                    score += float(pair)
            answers.append((ids, score))
            order.append((-score, row))
        order.sort()
        return [answers[row] for _, row in order]
