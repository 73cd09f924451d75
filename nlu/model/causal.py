"""A causal decoder: each target token given the true ones before it. It writes frames, or judges them."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from nlu.model.attention import Attention
from nlu.model.dropout import Dropout
from nlu.model.lightconv import FeedForward
from nlu.model.pointer import PointerHead


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


class CausalDecoder(nn.Module):
    """Embedding of target tokens and indices, causal layers, pointer head.

    Args:
        pointer: as in the span pointer.
        dim: width d.
        num_layers, ffn_dim, heads, cross_heads, dropout: of the layers.
        max_length: longest target.
    """

    def __init__(
        self,
        pointer: PointerHead,
        dim: int,
        *,
        num_layers: int,
        ffn_dim: int,
        heads: int,
        cross_heads: int,
        dropout: float,
        max_length: int,
    ) -> None:
        super().__init__()
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

    def forward(
        self,
        targets: Tensor,
        encoded: Tensor,
        piece_mask: Tensor | None,
        words: Tensor,
        word_mask: Tensor | None,
    ) -> Tensor:
        """Score every possible token at every position of known targets, all positions at once.

        Args:
            targets: target ids, `b x l`; what is behind a target's end has no effect on it.
            encoded: the utterance, `b x t x d`.
            piece_mask: `b x t`, true at real pieces; None when all are.
            words: encoder output at the words, `b x w x d`.
            word_mask: `b x w`, true at real words; None when all are.

        Returns:
            Log-probabilities given the tokens before, `b x l x (K + w)`.
        """
        begin = torch.full_like(targets[:, :1], -1)
        x = self.embed(torch.cat([begin, targets[:, :-1]], dim=1), words, 0)
        length = x.shape[1]
        causal = torch.ones(length, length, dtype=torch.bool, device=x.device).tril().unsqueeze(0)
        mask = None if piece_mask is None else piece_mask.unsqueeze(1)
        for layer in self.layers:
            x, _ = layer(x, None, causal, layer.memory(encoded), mask)
        return self.pointer(x, words, word_mask)

    @torch.jit.export
    def memories(self, encoded: Tensor) -> list[Tensor]:
        """Return each layer's keys and values of the utterance `b x t x d`."""
        return [layer.memory(encoded) for layer in self.layers]

    @torch.jit.export
    def step(
        self, ids: Tensor, position: int, words: Tensor, caches: list[Tensor], memories: list[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """Score the next token of partial targets of one utterance.

        Args:
            ids: their last ids, `b x 1`; -1 is the beginning.
            position: of the next token.
            words: encoder output at the words, `b x w x d`.
            caches: each layer's keys and values of the tokens before the last one; none at the first step.
            memories: each layer's keys and values of the utterance, of batch 1.

        Returns:
            Log-probabilities `b x (K + w)`, and the caches with the last token.
        """
        x = self.embed(ids, words, position)
        after: list[Tensor] = []
        for number, layer in enumerate(self.layers):
            past = caches[number] if len(caches) > 0 else None
            x, seen = layer(x, past, None, memories[number].expand(x.size(0), -1, -1, -1), None)
            after.append(seen)
        return self.pointer(x, words, None)[:, 0], after
