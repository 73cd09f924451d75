"""How many threads torch uses."""

import torch

from nas.threads import fastest_threads, torch_threads


def test_the_number_is_restored_after_an_error() -> None:
    before = torch.get_num_threads()
    try:
        with torch_threads(3):
            assert torch.get_num_threads() == 3
            raise ValueError
    except ValueError:
        pass
    assert torch.get_num_threads() == before


def test_no_more_threads_are_chosen_than_torch_would_use() -> None:
    used: list[int] = []
    with torch_threads(4):
        best, seconds = fastest_threads(lambda: used.append(torch.get_num_threads()))
    assert best in {1, 2, 4}
    assert seconds >= 0
    assert set(used) == {1, 2, 4}
