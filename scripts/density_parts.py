"""Where the time of one evaluation of the SAAS log posterior density and its gradient goes.

    python scripts/density_parts.py [--observations 240] [--repetitions 300]

Prints a Markdown table for 24 inputs, on one thread: the best of all repetitions of each part, of the whole,
and of a matrix product, whose speed is what the parts could have at most.
"""

import math
import timeit
from collections.abc import Callable

import numpy as np
from scipy.linalg import lapack
from threadpoolctl import threadpool_limits

from nas.surrogate.marginal_likelihood import _invert_upper
from nas.surrogate.saas_density import SaasDensity
from nas.surrogate.saas_prior import PRIORS
from paretoparse.cli import ArgumentParser, count, reported_errors

DIMENSION = 24


def main() -> None:
    """Run from the command line."""
    parser = ArgumentParser(description="Time the parts of the SAAS density.")
    parser.add_argument("--observations", type=count, default=240)
    parser.add_argument("--repetitions", type=count, default=300)
    options = parser.parse_args()
    with threadpool_limits(1):
        report(options.observations, options.repetitions)


def report(n: int, repetitions: int) -> None:
    """Time every part and print the table."""
    rng = np.random.default_rng(0)
    X = rng.random((n, DIMENSION))
    y = np.sin(3 * X[:, 0]) + 0.1 * rng.standard_normal(n)
    density = SaasDensity(PRIORS["botorch"], X, (y - y.mean()) / y.std())
    z = np.full(density.layout.size, math.log(0.1))
    rho, noise = np.full(DIMENSION, 0.1), np.full(n, 0.01)
    likelihood = density._likelihood
    likelihood._fill_covariance(rho, 1.0, noise)
    covariance = likelihood._covariance.copy()
    factor = lapack.dpotrf(covariance, lower=1, clean=1)[0]
    triangle, alpha = np.ascontiguousarray(factor.T), rng.standard_normal(n)
    inverse, scratch = triangle.copy(), np.empty(n * n // 4 + n)

    def factorise() -> None:
        lapack.dpotrf(covariance.T, lower=1, clean=1)

    def invert() -> None:
        inverse[:] = triangle
        _invert_upper(inverse, scratch)

    d = DIMENSION
    parts: dict[str, tuple[float, Callable[[], object]]] = {
        "covariance: distances, exponential": (
            2 * n * n * d,
            lambda: likelihood._fill_covariance(rho, 1.0, noise),
        ),
        "Cholesky factor": (n**3 / 3, factorise),
        "inverse of the triangle, by halves": (n**3 / 3, invert),
        "product of the inverse triangles": (n**3 / 3, lambda: lapack.dlauum(factor, lower=1)),
        "dpotri instead of the last two": (2 * n**3 / 3, lambda: lapack.dpotri(factor, lower=1)),
        "slopes of all lengthscales": (2 * n * n * d, lambda: likelihood._lengthscale_gradient(alpha, 1.0)),
        "one evaluation": (n**3 + 4 * n * n * d, lambda: density(z)),
        "a product of two n x n matrices": (2 * n**3, lambda: covariance @ covariance),
    }
    print("| part | Mflop | ms | Gflop/s |\n|---|---|---|---|")
    for name, (operations, part) in parts.items():
        seconds = min(timeit.repeat(part, number=1, repeat=repetitions))
        print(f"| {name} | {operations / 1e6:.1f} | {1e3 * seconds:.2f} | {operations / seconds / 1e9:.0f} |")


if __name__ == "__main__":
    with reported_errors():
        main()
