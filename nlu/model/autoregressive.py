"""The span pointer's autoregressive twin: same encoder and pointer, one target token after another."""

import torch
from torch import Tensor

from nlu.batches import Batch
from nlu.model.base import Hypothesis, Losses, LossSettings, ParserModel, token_loss
from nlu.model.causal import CausalDecoder
from nlu.model.encoder import Encoder
from nlu.model.wellformed import Prefix, allowed, extend


class Autoregressive(ParserModel):
    """Encoder, causal decoder with a cache, pointer head; beam search over well-formed frames only.

    Args:
        encoder: as in the span pointer.
        decoder: of its outputs.
        max_length: longest target.
        beam: partial frames that are kept at each step; 1 is a greedy search.
        intents: number I of intents.
    """

    def __init__(
        self, encoder: Encoder, decoder: CausalDecoder, *, max_length: int, beam: int, intents: int
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.ontology_size = decoder.ontology_size
        self.max_length = max_length
        self.beam = beam
        self.intents = intents

    def encode(self, pieces: Tensor, mask: Tensor | None, word_starts: Tensor) -> tuple[Tensor, Tensor]:
        """Return the encoded pieces `b x t x d` and words `b x w x d`."""
        encoded = self.encoder(pieces, mask)
        index = word_starts.unsqueeze(-1).expand(-1, -1, encoded.shape[-1])
        return encoded, encoded.gather(1, index)

    def losses(self, batch: Batch, settings: LossSettings) -> Losses:
        """Return the loss of each token given the true ones before it."""
        encoded, words = self.encode(batch.pieces, batch.piece_mask, batch.word_starts)
        scores = self.decoder(batch.targets, encoded, batch.piece_mask, words, batch.word_mask)
        loss = token_loss(scores, batch, self.ontology_size, settings)
        return Losses(loss, torch.zeros_like(loss), words)

    def predict(self, batch: Batch, count: int) -> list[list[Hypothesis]]:
        """Parse a batch, one utterance after the other; see `ParserModel.predict`."""
        answers: list[list[Hypothesis]] = []
        for pieces, piece_mask, starts, word_mask in zip(
            batch.pieces, batch.piece_mask, batch.word_starts, batch.word_mask, strict=True
        ):
            answers.append(self.search(pieces[piece_mask], starts[word_mask], max(count, self.beam))[:count])
        return answers

    def forward(self, pieces: Tensor, word_starts: Tensor) -> Tensor:
        """Parse one utterance; see `ParserModel.forward`."""
        return torch.tensor(self.search(pieces, word_starts, self.beam)[0][0])

    @torch.jit.export
    def search(self, pieces: Tensor, word_starts: Tensor, beam: int) -> list[tuple[list[int], float]]:
        """Search for the most likely frames, token by token.

        Returns:
            Target ids and log-probabilities of at least one frame and at most `beam`, most likely first.
        """
        encoded, words = self.encode(pieces.unsqueeze(0), None, word_starts.unsqueeze(0))
        memories = self.decoder.memories(encoded)
        caches: list[Tensor] = []
        live = [Prefix([], [], -1)]
        totals: list[float] = [0.0]
        finished: list[tuple[list[int], float]] = []
        for step in range(self.max_length):
            last = [prefix.ids[-1] if len(prefix.ids) > 0 else -1 for prefix in live]
            rows = len(live)
            ids_before = torch.tensor(last).unsqueeze(1)
            scores, caches = self.decoder.step(ids_before, step, words.expand(rows, -1, -1), caches, memories)
            ranked: list[tuple[float, int, int]] = []
            for row in range(rows):
                possible = allowed(
                    live[row], self.max_length - step, self.intents, self.ontology_size, scores.size(1)
                )
                masked = scores[row].masked_fill(~possible, float("-inf"))
                values, tokens = masked.topk(min(beam, masked.size(0)))
                best: list[float] = values.tolist()
                ids: list[int] = tokens.tolist()
                for place in range(len(ids)):
                    if best[place] > -1e30:
                        ranked.append((-(totals[row] + best[place]), row, ids[place]))
            ranked.sort()
            parents: list[int] = []
            after: list[Prefix] = []
            totals_after: list[float] = []
            for cost, row, token in ranked[:beam]:
                prefix = extend(live[row], token, self.intents, self.ontology_size)
                if len(prefix.states) == 0:
                    finished.append((prefix.ids, -cost))
                else:
                    parents.append(row)
                    after.append(prefix)
                    totals_after.append(-cost)
            live = after
            totals = totals_after
            if len(live) == 0 or _enough(finished, totals, beam):
                break
            if beam > 1:
                chosen = torch.tensor(parents)
                for number in range(len(caches)):
                    caches[number] = caches[number].index_select(0, chosen)
        costs = [(-score, place) for place, (ids, score) in enumerate(finished)]
        costs.sort()
        return [finished[place] for _, place in costs[:beam]]


def _enough(finished: list[tuple[list[int], float]], totals: list[float], beam: int) -> bool:
    """Tell whether no frame that is still open can come among the `beam` best: scores only fall."""
    if len(finished) < beam:
        return False
    better = 0
    for _, score in finished:
        if score >= max(totals):
            better += 1
    return better >= beam
