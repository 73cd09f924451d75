import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from nlu.model.lightconv import GatedConv, LightConv, kernel_sizes
from nlu.model.packing import packing_of


@pytest.mark.parametrize("kernel", [3, 9, 31])
@pytest.mark.parametrize("length", [1, 2, 4, 5, 16, 40])
@pytest.mark.parametrize("heads", [1, 4])
def test_the_toeplitz_product_is_the_depthwise_convolution(kernel: int, length: int, heads: int) -> None:
    conv = LightConv(8, kernel, heads)
    torch.nn.init.normal_(conv.bias)
    x = torch.randn(3, length, 8)
    weight = conv.weight.repeat_interleave(8 // heads, dim=0).unsqueeze(1)
    expected = functional.conv1d(x.transpose(1, 2), weight, conv.bias, padding=kernel // 2, groups=8)
    torch.testing.assert_close(conv(x), expected.transpose(1, 2))


def test_padding_does_not_leak_into_an_utterance() -> None:
    block = GatedConv(8, 16, 9, 2, dropout=0.0)
    long, short = torch.randn(1, 9, 8), torch.randn(1, 5, 8)
    packing = packing_of(torch.tensor([[True] * 9, [True] * 5 + [False] * 4]))
    both = block(torch.cat([long, short], dim=1)[0], packing)
    torch.testing.assert_close(both, torch.cat([block(long, None), block(short, None)], dim=1)[0])


@given(st.integers(1, 8), st.integers(1, 20).map(lambda k: 2 * k + 1))
def test_kernels_are_odd_and_grow_to_the_largest(layers: int, largest: int) -> None:
    sizes = kernel_sizes(layers, largest)
    assert len(sizes) == layers
    assert sizes == sorted(sizes)
    assert all(size % 2 == 1 and 3 <= size <= largest for size in sizes)
    assert sizes[-1] == largest
