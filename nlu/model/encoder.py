"""The encoder: pieces in, one vector a piece out."""

from torch import Tensor, nn

from nlu.model.attention import optional_attention
from nlu.model.embedding import PieceEmbedding
from nlu.model.lightconv import FeedForward, GatedConv, kernel_sizes
from nlu.model.packing import Packing, pack, packing_of, unpack


class EncoderLayer(nn.Module):
    """Optional self-attention, gated convolution, feed-forward; layer norm after each (post-norm)."""

    def __init__(
        self, dim: int, ffn_dim: int, kernel: int, conv_heads: int, attention_heads: int, dropout: float
    ) -> None:
        super().__init__()
        self.attention = optional_attention(dim, attention_heads, dropout)
        self.conv = GatedConv(dim, dim, kernel, conv_heads, dropout)
        self.norm = nn.LayerNorm(dim)
        self.feed_forward = FeedForward(dim, ffn_dim, dropout)

    def forward(self, x: Tensor, packing: Packing | None) -> Tensor:
        """Transform real positions, `n x d`; or `b x t x d` without a packing, where all are real."""
        if self.attention is not None:
            x = self.attention.to_itself(x, packing)
        return self.feed_forward(self.norm(self.conv(x, packing)))


class Encoder(nn.Module):
    """LightConv encoder.

    Args:
        vocab_size: number of pieces.
        dim: width d.
        num_layers: layers, at least 1.
        ffn_dim: inner width of the feed-forward networks.
        max_kernel: taps of the last layer's convolution, odd; kernels grow from 3 to it.
        conv_heads: kernels of each convolution.
        attention_heads: heads of the self-attention in each layer; 0 for none.
        dropout: in the layers.
        embedding_dropout: after the embedding.
    """

    def __init__(
        self,
        vocab_size: int,
        dim: int,
        *,
        num_layers: int,
        ffn_dim: int,
        max_kernel: int,
        conv_heads: int,
        attention_heads: int,
        dropout: float,
        embedding_dropout: float,
    ) -> None:
        super().__init__()
        self.embedding = PieceEmbedding(vocab_size, dim, embedding_dropout)
        self.layers = nn.ModuleList(
            EncoderLayer(dim, ffn_dim, kernel, conv_heads, attention_heads, dropout)
            for kernel in kernel_sizes(num_layers, max_kernel)
        )

    def forward(self, pieces: Tensor, mask: Tensor | None) -> Tensor:
        """Encode piece ids `b x t` as `b x t x d`, zeros at padding.

        Args:
            pieces: the ids.
            mask: `b x t`, true at real ones; None if all are.
        """
        packing = packing_of(mask)
        x = pack(self.embedding(pieces), packing)
        for layer in self.layers:
            x = layer(x, packing)
        return unpack(x, packing)
