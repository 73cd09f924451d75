import pytest
import torch

from nlu.model.attention import Attention, optional_attention
from nlu.model.packing import pack, packing_of


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_attention_is_the_library_s(heads: int) -> None:
    ours = Attention(16, heads, dropout=0.0)
    theirs = torch.nn.MultiheadAttention(16, heads, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key_value.weight]))
        theirs.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.key_value.bias]))
        theirs.out_proj.weight.copy_(ours.output.weight)
        theirs.out_proj.bias.copy_(ours.output.bias)
    x, memory = torch.randn(2, 3, 16), torch.randn(2, 5, 16)
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    expected, _ = theirs(x, memory, memory, key_padding_mask=~mask)
    torch.testing.assert_close(ours(x, memory, mask), ours.norm(x + expected))


@pytest.mark.parametrize("heads", [1, 4])
def test_real_positions_alone_attend_as_among_padding(heads: int) -> None:
    attention = Attention(16, heads, dropout=0.0)
    x, mask = torch.randn(2, 5, 16), torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    packing = packing_of(mask)
    packed = attention.to_itself(pack(x, packing), packing)
    torch.testing.assert_close(packed, attention(x, x, mask)[mask])


def test_no_heads_no_attention() -> None:
    assert optional_attention(16, 0, 0.1) is None
