"""Simulation-based calibration of the SAAS sampler, in full.

    python scripts/calibrate_sampler.py simulations=1000 n=8 d=2 seed=0

Prints the histogram of the ranks of every hyperparameter and the p-value of its uniformity.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nas.surrogate.calibration import ranks, uniformity
from nas.surrogate.saas_prior import PRIORS, Layout
from paretoparse.arguments import read_options
from paretoparse.checks import Range
from paretoparse.cli import plain_main
from paretoparse.errors import UsageError

DRAWS, BINS = 31, 8


@dataclass
class Options:
    """What can be given on the command line."""

    simulations: int = 1000
    n: int = 8
    d: int = 2
    seed: int = 0
    prior: str = "botorch"


def main(arguments: Sequence[str]) -> None:
    """Runs the calibration.

    Raises:
        UsageError: An argument is not usable.
    """
    options = read_options(arguments, Options())
    for name, low in (("simulations", 1), ("n", 2), ("d", 1), ("seed", 0)):
        Range(low=low, whole=True).check(name, getattr(options, name), UsageError)
    if options.prior not in PRIORS:
        raise UsageError(f"prior={options.prior} is unknown; use one of: {', '.join(PRIORS)}.")
    found = ranks(
        options.simulations, n=options.n, d=options.d, draws=DRAWS, seed=options.seed, prior=options.prior
    )
    names = Layout(options.d, PRIORS[options.prior].mean_scale is not None, has_noise=True).names()
    for name, column, p in zip(names, found.T, uniformity(found, DRAWS, BINS), strict=True):
        counts = np.histogram(column, np.linspace(0, DRAWS + 1, BINS + 1) - 0.5)[0]
        print(f"{name:20s} {' '.join(f'{count:4d}' for count in counts)}   p = {p:.3f}")


if __name__ == "__main__":
    plain_main(main, __doc__)
