"""Which cores to run on, on this machine and on a phone."""

from collections.abc import Collection, Mapping


def fastest_cores(frequencies: Mapping[int, int], count: int) -> list[int]:
    """Numbers of the `count` fastest cores, ascending; among equals the last, which serve fewer interrupts.

    Args:
        frequencies: highest frequency by core number, in any unit.
        count: how many, at least 1.
    """
    ranked = sorted(frequencies, key=lambda core: (frequencies[core], core), reverse=True)
    return sorted(ranked[:count])


def affinity_mask(cores: Collection[int]) -> str:
    """The hexadecimal mask by which `taskset` is told to use these cores."""
    return f"{sum(1 << core for core in set(cores)):x}"
