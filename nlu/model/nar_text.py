"""The span pointer's predecessor (Babu et al. 2021): targets copy every word of a slot."""

import torch
from torch import Tensor

from nlu.batches import Batch
from nlu.model.base import Losses, LossSettings, length_loss, token_loss
from nlu.model.span_pointer import Encoded, SpanPointer, insert, repeat
from nlu.model.wellformed import is_well_formed


class NarText(SpanPointer):
    """Non-autoregressive parser whose length module counts the tokens of the frame's text.

    Its targets are longer than spans, and of any length. An answer that is no frame is passed over for the
    next length that gives one; where none does, the root intent alone is the answer.
    """

    def losses(self, batch: Batch, settings: LossSettings) -> Losses:
        """Return the losses of the text's tokens, given its true length, and of the length."""
        rows = [
            torch.tensor(to_text(target[mask].tolist(), self.ontology_size))
            for target, mask in zip(batch.targets, batch.target_mask, strict=True)
        ]
        lengths = torch.tensor([len(row) for row in rows], device=batch.targets.device)
        targets = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True).to(batch.targets.device)
        mask = torch.arange(targets.shape[1], device=lengths.device) < lengths.unsqueeze(1)
        text = batch._replace(targets=targets, target_mask=mask)
        encoded = self.encode(batch.pieces, batch.piece_mask, batch.word_starts, batch.word_mask)
        scores = self.decode(lengths, mask, targets.shape[1], encoded)
        return Losses(
            token_loss(scores, text, self.ontology_size, settings),
            length_loss(encoded.lengths, lengths, settings),
            encoded.words,
        )

    def forward(self, pieces: Tensor, word_starts: Tensor) -> Tensor:
        """Parse one utterance; see `ParserModel.forward`."""
        return torch.tensor(self.search(pieces, word_starts, self.beam)[0][0])

    @torch.jit.export
    def hypotheses(self, encoded: Encoded, count: int) -> list[list[tuple[list[int], float]]]:
        """Decode the most likely lengths side by side; see `SpanPointer.hypotheses`."""
        batch, classes = encoded.lengths.shape
        count = min(count, classes - 1)
        length_scores, best_lengths = encoded.lengths.topk(count, dim=1)
        lengths = best_lengths.view(-1)
        longest = int(lengths.max())
        mask = torch.arange(longest, device=lengths.device).unsqueeze(0) < lengths.unsqueeze(1)
        scores = self.decode(lengths, mask, longest, repeat(encoded, count))
        best, tokens = scores.max(dim=-1)
        totals = best.masked_fill(~mask, 0.0).sum(dim=1) + length_scores.view(-1)
        roots = scores[:, 0, 1 : self.intents + 1].argmax(dim=1) + 1
        all_tokens: list[list[int]] = tokens.tolist()
        all_lengths: list[int] = lengths.tolist()
        all_totals: list[float] = totals.tolist()
        all_roots: list[int] = roots.tolist()
        answers: list[list[tuple[list[int], float]]] = []
        for example in range(batch):
            ranked: list[tuple[list[int], float]] = []
            for row in range(example * count, (example + 1) * count):
                ids = from_text(all_tokens[row][: all_lengths[row]], self.ontology_size)
                if is_well_formed(ids, self.intents, self.ontology_size) and not _contains(ranked, ids):
                    insert(ranked, ids, all_totals[row])
            if len(ranked) == 0:
                ranked.append(([all_roots[example * count], 0], all_totals[example * count]))
            answers.append(ranked)
        return answers


def _contains(ranked: list[tuple[list[int], float]], ids: list[int]) -> bool:
    same = 0
    for other, _ in ranked:
        same += int(other == ids)
    return same > 0


def to_text(ids: list[int], ontology_size: int) -> list[int]:
    """Turn the target ids of a span form into those of a text form: every word of a span."""
    text: list[int] = []
    position = 0
    while position < len(ids):
        if ids[position] < ontology_size:
            text.append(ids[position])
            position += 1
        else:
            for word in range(ids[position], ids[position + 1] + 1):
                text.append(word)
            position += 2
    return text


def from_text(text: list[int], ontology_size: int) -> list[int]:
    """Turn a text form's ids into a span form's; words that are not neighbours give what is no frame."""
    ids: list[int] = []
    position = 0
    while position < len(text):
        first = text[position]
        ids.append(first)
        position += 1
        if first >= ontology_size:
            last = first
            while position < len(text) and text[position] == last + 1:
                last += 1
                position += 1
            ids.append(last)
    return ids
