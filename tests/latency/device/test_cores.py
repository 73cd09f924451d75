from hypothesis import given
from hypothesis import strategies as st

from latency.device.cores import affinity_mask, fastest_cores


@given(st.lists(st.integers(1, 5), min_size=1, max_size=12), st.integers(1, 12))
def test_no_core_left_out_is_faster_than_a_chosen_one(frequencies: list[int], count: int) -> None:
    chosen = fastest_cores(dict(enumerate(frequencies)), count)
    assert len(chosen) == min(count, len(frequencies))
    others = set(range(len(frequencies))) - set(chosen)
    assert all(frequencies[core] <= min(frequencies[c] for c in chosen) for core in others)
    mask = int(affinity_mask(chosen), 16)
    assert [core for core in range(12) if mask >> core & 1] == chosen
