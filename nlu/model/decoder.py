"""The decoder: all target positions at once, in one pass."""

import torch
from torch import Tensor, nn

from nlu.model.attention import Attention, optional_attention
from nlu.model.embedding import MaskEmbedding
from nlu.model.lightconv import FeedForward, GatedConv, kernel_sizes
from nlu.model.packing import Packing, pack, packing_of, unpack


class DecoderLayer(nn.Module):
    """Optional self-attention, gated convolution, cross-attention, feed-forward; layer norm after each."""

    def __init__(
        self,
        dim: int,
        ffn_dim: int,
        kernel: int,
        *,
        conv_heads: int,
        attention_heads: int,
        cross_attention_heads: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.attention = optional_attention(dim, attention_heads, dropout)
        self.conv = GatedConv(dim, dim, kernel, conv_heads, dropout)
        self.norm = nn.LayerNorm(dim)
        self.cross_attention = Attention(dim, cross_attention_heads, dropout)
        self.feed_forward = FeedForward(dim, ffn_dim, dropout)

    def forward(
        self,
        x: Tensor,
        packing: Packing | None,
        encoded: Tensor,
        encoded_mask: Tensor | None,
    ) -> Tensor:
        """Transform real positions, `n x d`, given the encoded utterance.

        Args:
            x: as the result; `b x l x d` without a packing.
            packing: where the real positions are; None where all are real.
            encoded: `b x t x d`.
            encoded_mask: `b x t`, true at real pieces; None when all are.
        """
        if self.attention is not None:
            x = self.attention.to_itself(x, packing)
        x = self.norm(self.conv(x, packing))
        x = self.cross_attention(x, encoded, encoded_mask, packing)
        return self.feed_forward(x)


class Decoder(nn.Module):
    """LightConv decoder with cross-attention.

    Args:
        dim: width d.
        max_length: longest target.
        num_layers: layers, at least 1.
        ffn_dim: inner width of the feed-forward networks.
        max_kernel: taps of the last layer's convolution, odd; kernels grow from 3 to it.
        conv_heads: kernels of each convolution.
        attention_heads: heads of the self-attention in each layer; 0 for none.
        cross_attention_heads: heads of the attention to the utterance.
        dropout: in the layers.
        embedding_dropout: after the embedding of the masks.
    """

    def __init__(
        self,
        dim: int,
        max_length: int,
        *,
        num_layers: int,
        ffn_dim: int,
        max_kernel: int,
        conv_heads: int,
        attention_heads: int,
        cross_attention_heads: int,
        dropout: float,
        embedding_dropout: float,
    ) -> None:
        super().__init__()
        self.embedding = MaskEmbedding(max_length, dim, embedding_dropout)
        self.layers = nn.ModuleList(
            DecoderLayer(
                dim,
                ffn_dim,
                kernel,
                conv_heads=conv_heads,
                attention_heads=attention_heads,
                cross_attention_heads=cross_attention_heads,
                dropout=dropout,
            )
            for kernel in kernel_sizes(num_layers, max_kernel)
        )

    def forward(
        self, lengths: Tensor, longest: int, mask: Tensor | None, encoded: Tensor, encoded_mask: Tensor | None
    ) -> Tensor:
        """Decode targets of given lengths.

        Args:
            lengths: tokens of each target, `b`.
            longest: l, the largest of them.
            mask: `b x l`, true inside of each target; None when all have the same length.
            encoded: the utterance, `b x t x d`.
            encoded_mask: `b x t`, true at real pieces; None when all are.

        Returns:
            `b x l x d`, zeros at padding.
        """
        return self.transform(self.embedding(lengths, longest), mask, encoded, encoded_mask)

    @torch.jit.export
    def transform(
        self, embedded: Tensor, mask: Tensor | None, encoded: Tensor, encoded_mask: Tensor | None
    ) -> Tensor:
        """Run the layers on embedded targets `b x l x d`; see `forward`."""
        packing = packing_of(mask)
        x = pack(embedded, packing)
        for layer in self.layers:
            x = layer(x, packing, encoded, encoded_mask)
        return unpack(x, packing)
