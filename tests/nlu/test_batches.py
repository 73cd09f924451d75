import torch
from hypothesis import given
from hypothesis import strategies as st

from nlu.batches import Example, LengthBuckets, collate


@given(st.lists(st.integers(1, 40), min_size=1, max_size=200), st.integers(1, 17), st.integers(0, 3))
def test_buckets_hold_every_example_once(lengths: list[int], batch_size: int, epoch: int) -> None:
    for seed in (None, 1):
        buckets = LengthBuckets(lengths, batch_size, seed)
        buckets.set_epoch(epoch)
        batches = list(buckets)
        assert len(batches) == len(buckets)
        assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
        assert all(len(batch) <= batch_size for batch in batches)
        assert list(buckets) == batches


def test_another_epoch_has_another_order_and_buckets_are_narrow() -> None:
    lengths = [1 + place % 30 for place in range(3000)]
    buckets = LengthBuckets(lengths, 10, seed=1)
    first = list(buckets)
    buckets.set_epoch(1)
    assert list(buckets) != first
    spread = [max(lengths[p] for p in batch) - min(lengths[p] for p in batch) for batch in first]
    assert sum(spread) / len(spread) < 0.5


def test_an_utterance_that_is_much_too_long_shares_no_batch() -> None:
    batches = list(LengthBuckets([5] * 50 + [4500], 32, seed=1))
    assert [50] in batches
    assert len(batches) == len(LengthBuckets([5] * 50 + [4500], 32, seed=2)) == 3


def test_a_batch_pads_and_masks() -> None:
    short = Example(torch.tensor([5]), torch.tensor([0]), torch.tensor([1, 0]))
    long = Example(torch.tensor([6, 7, 8]), torch.tensor([0, 2]), torch.tensor([1, 2, 9, 9, 0, 0]))
    batch = collate([(4, short), (2, long)])
    assert batch.pieces.tolist() == [[5, 0, 0, 0], [6, 7, 8, 0]]
    assert batch.piece_mask.sum(dim=1).tolist() == [1, 3]
    assert batch.word_mask.tolist() == [[True, False], [True, True]]
    assert batch.target_mask.sum(dim=1).tolist() == [2, 6]
    assert batch.places.tolist() == [4, 2]
