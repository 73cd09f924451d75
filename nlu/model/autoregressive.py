"""The span pointer's autoregressive twin: same encoder and pointer, one target token after another."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from nlu.batches import Batch
from nlu.model.attention import Attention
from nlu.model.base import Hypothesis, Losses, ParserModel, Smoothing, token_loss
from nlu.model.dropout import Dropout
from nlu.model.encoder import Encoder
from nlu.model.lightconv import FeedForward
from nlu.model.pointer import PointerHead
from nlu.model.wellformed import Prefix, allowed, extend


class CausalLayer(nn.Module):
    """Self-attention to what came before, cross-attention, feed-forward; layer norm after each."""

    def __init__(self, dim: int, ffn_dim: int, heads: int, cross_heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = Attention(dim, heads, dropout)
        self.cross_attention = Attention(dim, cross_heads, dropout)
        self.feed_forward = FeedForward(dim, ffn_dim, dropout)

    @torch.jit.export
    def memory(self, encoded: Tensor) -> Tensor:
        """Return keys and values of the utterance `b x t x d`, which all positions share."""
        return self.cross_attention.project(encoded)

    def forward(
        self, x: Tensor, past: Tensor | None, mask: Tensor | None, memory: Tensor, memory_mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Transform `b x t x d`.

        Args:
            x: positions to compute.
            past: keys and values of the positions before them; None when there are none.
            mask: `b x t x s`, true where a position may attend to one of past and `x`; None when to all.
            memory: keys and values of the utterance.
            memory_mask: `b x 1 x pieces`, true at real ones; None when all are.

        Returns:
            `b x t x d`, and keys and values of past and `x` together.
        """
        own = self.attention.project(x)
        seen = own if past is None else torch.cat([past, own], dim=2)
        x = self.attention.attend(x, seen, mask)
        x = self.cross_attention.attend(x, memory, memory_mask)
        return self.feed_forward(x), seen


class Autoregressive(ParserModel):
    """Encoder, causal decoder with a cache, pointer head; beam search over well-formed frames only.

    Args:
        encoder, pointer: as in the span pointer.
        dim: width d.
        num_layers, ffn_dim, heads, cross_heads, dropout: of the decoder's layers.
        max_length: longest target.
        beam: partial frames that are kept at each step; 1 is a greedy search.
        intents: number I of intents.
    """

    def __init__(
        self,
        encoder: Encoder,
        pointer: PointerHead,
        dim: int,
        *,
        num_layers: int,
        ffn_dim: int,
        heads: int,
        cross_heads: int,
        dropout: float,
        max_length: int,
        beam: int,
        intents: int,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.pointer = pointer
        self.ontology_size = pointer.ontology.out_features
        # The last row stands for the beginning.
        self.tokens = nn.Embedding(self.ontology_size + 1, dim)
        self.words = nn.Linear(dim, dim)
        self.positions = nn.Embedding(max_length, dim)
        self.norm = nn.LayerNorm(dim)
        self.dropout = Dropout(dropout)
        self.layers: Iterable[CausalLayer] = nn.ModuleList(  # type: ignore[assignment]
            CausalLayer(dim, ffn_dim, heads, cross_heads, dropout) for _ in range(num_layers)
        )
        self.max_length = max_length
        self.beam = beam
        self.intents = intents

    def embed(self, ids: Tensor, words: Tensor, start: int) -> Tensor:
        """Embed target ids `b x t` at positions from `start` on.

        Args:
            ids: target ids; -1 is the beginning.
            words: encoder output at the words, `b x w x d`.
            start: position of the first one.
        """
        is_word = ids >= self.ontology_size
        token = torch.where(ids < 0, self.ontology_size, ids).clamp(max=self.ontology_size)
        index = (ids - self.ontology_size).clamp(min=0).unsqueeze(-1).expand(-1, -1, words.shape[-1])
        vectors = torch.where(is_word.unsqueeze(-1), self.words(words.gather(1, index)), self.tokens(token))
        position = torch.arange(start, start + ids.shape[1], device=ids.device)
        return self.dropout(self.norm(vectors + self.positions(position)))

    def encode(self, pieces: Tensor, mask: Tensor | None, word_starts: Tensor) -> tuple[Tensor, Tensor]:
        """Return the encoded pieces `b x t x d` and words `b x w x d`."""
        encoded = self.encoder(pieces, mask)
        index = word_starts.unsqueeze(-1).expand(-1, -1, encoded.shape[-1])
        return encoded, encoded.gather(1, index)

    def _step(self, x: Tensor, caches: list[Tensor], memories: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Compute one position, `b x 1 x d`, and the caches with it; there are none at the first one."""
        after: list[Tensor] = []
        for number, layer in enumerate(self.layers):
            past = caches[number] if len(caches) > 0 else None
            x, seen = layer(x, past, None, memories[number].expand(x.size(0), -1, -1, -1), None)
            after.append(seen)
        return x, after

    def losses(self, batch: Batch, smoothing: Smoothing) -> Losses:
        """Return the loss of each token given the true ones before it."""
        encoded, words = self.encode(batch.pieces, batch.piece_mask, batch.word_starts)
        begin = torch.full_like(batch.targets[:, :1], -1)
        x = self.embed(torch.cat([begin, batch.targets[:, :-1]], dim=1), words, 0)
        length = x.shape[1]
        causal = torch.ones(length, length, dtype=torch.bool, device=x.device).tril().unsqueeze(0)
        piece_mask = batch.piece_mask.unsqueeze(1)
        for layer in self.layers:
            x, _ = layer(x, None, causal, layer.memory(encoded), piece_mask)
        scores = self.pointer(x, words, batch.word_mask)
        loss = token_loss(scores, batch, self.ontology_size, smoothing.token)
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
        memories = [layer.memory(encoded) for layer in self.layers]
        caches: list[Tensor] = []
        live = [Prefix([], [], -1)]
        totals: list[float] = [0.0]
        finished: list[tuple[list[int], float]] = []
        for step in range(self.max_length):
            last = [prefix.ids[-1] if len(prefix.ids) > 0 else -1 for prefix in live]
            rows = len(live)
            x = self.embed(torch.tensor(last).unsqueeze(1), words.expand(rows, -1, -1), step)
            x, caches = self._step(x, caches, memories)
            scores = self.pointer(x, words.expand(rows, -1, -1), None)[:, 0]
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
