import torch
from hypothesis import given
from hypothesis import strategies as st

from nlu.model.packing import pack, packing_of, unpack


@given(st.lists(st.integers(0, 6), min_size=1, max_size=5))
def test_packing_keeps_real_positions_and_unpacking_has_zeros_elsewhere(lengths: list[int]) -> None:
    mask = torch.arange(max(*lengths, 1)) < torch.tensor(lengths).unsqueeze(1)
    x = torch.randn(*mask.shape, 3, requires_grad=True)
    packing = packing_of(mask)
    packed = pack(x, packing)
    assert torch.equal(packed, x[mask])
    padded = unpack(packed, packing)
    assert torch.equal(padded, x * mask.unsqueeze(-1))
    (gradient,) = torch.autograd.grad(padded.sum(), x)
    assert torch.equal(gradient, mask.unsqueeze(-1).expand_as(x).float())


def test_without_a_mask_nothing_is_packed() -> None:
    x = torch.randn(2, 4, 3)
    assert packing_of(None) is None
    assert pack(x, None) is x
    assert unpack(x, None) is x
