"""How many threads torch computes with."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

# Timings of which the shortest counts.
_TRIES = 3


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Have torch use so many threads inside the block, at least 1."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def fastest_threads(work: Callable[[], object]) -> tuple[int, float]:
    """Finds how many threads suit a piece of work here and now: on idle cores more do, on busy ones one does.

    Args:
        work: What to time; it must be repeatable.

    Returns:
        The number, 1 or a power of two up to as many as torch would use, and the work's seconds with it.
    """
    found: list[tuple[float, int]] = []
    count = 1
    while count <= torch.get_num_threads():
        with torch_threads(count):
            work()  # once for nothing: it starts the threads
            found.append((min(_seconds(work) for _ in range(_TRIES)), count))
        count *= 2
    seconds, best = min(found)
    return best, seconds


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
