"""The routines against NumPy's, on parts of larger matrices too; and that they leave Python's lock alone."""

import threading
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from nas.surrogate import lapack
from nas.surrogate.lapack import Vector

SIZES = [1, 2, 7, 100]


def part_of_larger(matrix: Vector) -> Vector:
    """The same matrix in the middle of a larger one, so that its rows do not follow each other."""
    n = len(matrix)
    larger = np.full((n + 3, n + 5), np.nan)
    larger[1 : n + 1, 2 : n + 2] = matrix
    return larger[1 : n + 1, 2 : n + 2]


def positive_definite(n: int) -> Vector:
    root = np.random.default_rng(n).standard_normal((n, n))
    return root @ root.T + n * np.eye(n)


@pytest.mark.parametrize("n", SIZES)
def test_factor_solves_and_inverts(n: int) -> None:
    matrix = positive_definite(n)
    factor = part_of_larger(np.triu(matrix) + np.tril(np.full((n, n), np.nan), -1))
    assert lapack.factorise(factor)
    upper = np.triu(factor)
    np.testing.assert_allclose(upper.T @ upper, matrix, rtol=1e-12)
    rhs = np.arange(n) - 1.5
    np.testing.assert_allclose(matrix @ lapack.solve(factor, rhs), rhs, atol=1e-12)
    lapack.invert_triangle(factor)
    np.testing.assert_allclose(np.triu(factor) @ upper, np.eye(n), atol=1e-12)
    lapack.square_triangle(factor)
    np.testing.assert_allclose(np.triu(factor), np.triu(np.linalg.inv(matrix)), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("k", [1, 25])
def test_symmetric_product_reads_one_triangle(n: int, k: int) -> None:
    matrix, other = positive_definite(n), np.random.default_rng(k).random((n, k))
    out = np.empty((n, k))
    lapack.symmetric_product(part_of_larger(np.triu(matrix)), other, out)
    np.testing.assert_allclose(out, matrix @ other, rtol=1e-12)


def test_an_indefinite_matrix_is_recognised() -> None:
    assert not lapack.factorise(np.diag([1.0, -1.0, 1.0]))


def test_another_thread_runs_meanwhile() -> None:
    matrix = positive_definite(600)
    calls: list[tuple[float, float]] = []
    ticks: list[float] = []

    def factorise() -> None:
        for _ in range(20):
            factor = matrix.copy()
            began = time.perf_counter()
            lapack.factorise(factor)
            calls.append((began, time.perf_counter()))

    thread = threading.Thread(target=factorise)
    with threadpool_limits(1):
        thread.start()
        while thread.is_alive():
            ticks.append(time.perf_counter())
    # With the lock held a call has ticks only where the threads change places just before or after it.
    began, end = np.array(calls).T
    inside = np.searchsorted(ticks, 0.1 * began + 0.9 * end) - np.searchsorted(ticks, 0.9 * began + 0.1 * end)
    assert (inside > 0).mean() > 0.5
