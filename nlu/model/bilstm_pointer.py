"""The recurrent baseline (Chen et al. 2020): BiLSTM encoder, LSTM decoder with attention, pointer head."""

import torch
from torch import Tensor, nn

from nlu.batches import Batch
from nlu.model.attention import Attention
from nlu.model.base import Hypothesis, Losses, LossSettings, ParserModel, token_loss
from nlu.model.dropout import Dropout
from nlu.model.embedding import PieceEmbedding
from nlu.model.pointer import PointerHead
from nlu.model.wellformed import Prefix, allowed, extend


class BiLstmPointer(ParserModel):
    """A recurrent sequence-to-sequence parser; greedy, well-formed frames only.

    Args:
        embedding: of pieces.
        pointer: as in the span pointer.
        dim: width d, even.
        num_layers: of the encoder, which gives d / 2 in each direction.
        cross_heads: of the attention from the decoder's state to the utterance.
        dropout: between layers, and after the decoder's embedding.
        max_length: longest target.
        intents: number I of intents.
    """

    def __init__(
        self,
        embedding: PieceEmbedding,
        pointer: PointerHead,
        dim: int,
        *,
        num_layers: int,
        cross_heads: int,
        dropout: float,
        max_length: int,
        intents: int,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.pointer = pointer
        self.ontology_size = pointer.ontology.out_features
        self.encoder = nn.LSTM(
            dim,
            dim // 2,
            num_layers,
            batch_first=True,
            bidirectional=True,
            dropout=dropout if num_layers > 1 else 0,
        )
        # The last row stands for the beginning.
        self.tokens = nn.Embedding(self.ontology_size + 1, dim)
        self.words = nn.Linear(dim, dim)
        self.start = nn.Linear(dim, 2 * dim)
        self.decoder = nn.LSTM(dim, dim, batch_first=True)
        self.attention = Attention(dim, cross_heads, dropout)
        self.dropout = Dropout(dropout)
        self.max_length = max_length
        self.beam = 1
        self.intents = intents

    def embed(self, ids: Tensor, words: Tensor) -> Tensor:
        """Embed target ids `b x t`, -1 for the beginning, given encoded words `b x w x d`."""
        token = torch.where(ids < 0, self.ontology_size, ids).clamp(max=self.ontology_size)
        index = (ids - self.ontology_size).clamp(min=0).unsqueeze(-1).expand(-1, -1, words.shape[-1])
        is_word = (ids >= self.ontology_size).unsqueeze(-1)
        return self.dropout(torch.where(is_word, self.words(words.gather(1, index)), self.tokens(token)))

    def encode(
        self, pieces: Tensor, mask: Tensor, word_starts: Tensor
    ) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
        """Return pieces `b x t x d`, words `b x w x d` and the decoder's first state, two of `1 x b x d`."""
        packed = nn.utils.rnn.pack_padded_sequence(
            self.embedding(pieces), mask.sum(dim=1).cpu(), batch_first=True, enforce_sorted=False
        )
        output, _ = self.encoder(packed)
        encoded, _ = nn.utils.rnn.pad_packed_sequence(output, batch_first=True, total_length=pieces.shape[1])
        words = encoded.gather(1, word_starts.unsqueeze(-1).expand(-1, -1, encoded.shape[-1]))
        pooled = encoded.masked_fill(~mask.unsqueeze(-1), -1e4).max(dim=1)[0]
        hidden, cell = self.start(pooled).tanh().unsqueeze(0).chunk(2, dim=-1)
        return encoded, words, (hidden.contiguous(), cell.contiguous())

    def losses(self, batch: Batch, settings: LossSettings) -> Losses:
        """Return the loss of each token given the true ones before it."""
        encoded, words, state = self.encode(batch.pieces, batch.piece_mask, batch.word_starts)
        begin = torch.full_like(batch.targets[:, :1], -1)
        x, _ = self.decoder(self.embed(torch.cat([begin, batch.targets[:, :-1]], dim=1), words), state)
        x = self.attention(x, encoded, batch.piece_mask)
        loss = token_loss(self.pointer(x, words, batch.word_mask), batch, self.ontology_size, settings)
        return Losses(loss, torch.zeros_like(loss), words)

    def predict(self, batch: Batch, count: int) -> list[list[Hypothesis]]:
        """Parse a batch, one utterance after the other; there is one hypothesis of each."""
        return [
            self.search(pieces[piece_mask], starts[word_mask], 1)
            for pieces, piece_mask, starts, word_mask in zip(
                batch.pieces, batch.piece_mask, batch.word_starts, batch.word_mask, strict=True
            )
        ]

    def forward(self, pieces: Tensor, word_starts: Tensor) -> Tensor:
        """Parse one utterance; see `ParserModel.forward`."""
        return torch.tensor(self.search(pieces, word_starts, 1)[0][0])

    @torch.jit.export
    def search(self, pieces: Tensor, word_starts: Tensor, beam: int) -> list[tuple[list[int], float]]:
        """Choose token by token what leads to a frame, one whatever the beam; see `ParserModel.search`."""
        mask = torch.ones(1, pieces.size(0), dtype=torch.bool)
        encoded, words, state = self.encode(pieces.unsqueeze(0), mask, word_starts.unsqueeze(0))
        memory = self.attention.project(encoded)
        prefix = Prefix([], [], -1)
        last = -1
        total = 0.0
        for step in range(self.max_length):
            x, state = self.decoder(self.embed(torch.tensor([[last]]), words), state)
            scores = self.pointer(self.attention.attend(x, memory, None), words, None)[0, 0]
            remaining = self.max_length - step
            possible = allowed(prefix, remaining, self.intents, self.ontology_size, scores.size(0))
            best, token = scores.masked_fill(~possible, float("-inf")).max(dim=0)
            last = int(token)
            total += float(best)
            prefix = extend(prefix, last, self.intents, self.ontology_size)
            if len(prefix.states) == 0:
                break
        return [(prefix.ids, total)]
