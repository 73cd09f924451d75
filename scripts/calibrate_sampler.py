"""Simulation-based calibration of the SAAS sampler, in full.

    python scripts/calibrate_sampler.py simulations=1000 n=8 d=2 seed=0

Prints the histogram of the ranks of every hyperparameter and the p-value of its uniformity.
"""

import sys

import numpy as np
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from nas.surrogate.calibration import ranks, uniformity
from nas.surrogate.saas_prior import PRIORS, Layout

DRAWS, BINS = 31, 8


def main(arguments: list[str]) -> int:
    """Run the calibration; 1 if an argument is not usable."""
    defaults = OmegaConf.create({"simulations": 1000, "n": 8, "d": 2, "seed": 0, "prior": "botorch"})
    OmegaConf.set_struct(defaults, True)
    try:
        config = OmegaConf.merge(defaults, OmegaConf.from_cli(arguments))
    except OmegaConfBaseException as error:
        print(f"error: {str(error).splitlines()[0]}", file=sys.stderr)
        return 1
    if config.prior not in PRIORS:
        print(f"error: prior must be one of: {', '.join(PRIORS)}.", file=sys.stderr)
        return 1
    found = ranks(
        config.simulations, n=config.n, d=config.d, draws=DRAWS, seed=config.seed, prior=config.prior
    )
    names = Layout(config.d, PRIORS[config.prior].mean_scale is not None, has_noise=True).names()
    for name, column, p in zip(names, found.T, uniformity(found, DRAWS, BINS), strict=True):
        counts = np.histogram(column, np.linspace(0, DRAWS + 1, BINS + 1) - 0.5)[0]
        print(f"{name:20s} {' '.join(f'{count:4d}' for count in counts)}   p = {p:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
