"""A GP's log marginal likelihood and its gradient, fused: what fitting hyperparameters spends its time on.

One evaluation at n observations in d dimensions costs about `1.3 n^3` floating-point operations for the
Cholesky factor and the inverse, `4 n^2 d` for distances and the gradient, and a dozen elementwise passes over
`n x n`. The closed form needs no automatic differentiation and every `n x n` array is allocated once.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg import blas, lapack

from nas.surrogate.saas_prior import Vector

LOG_2PI = math.log(2 * math.pi)
# Triangles up to this size are inverted by LAPACK.
_SMALL = 48


@dataclass(frozen=True)
class Slopes:
    """The gradient of a log marginal likelihood.

    Attributes:
        mean: In the constant mean.
        noise: In a noise variance that all observations share.
        log_outputscale: In the logarithm of the signal variance.
        log_rho: `d`, in the logarithms of the squared inverse lengthscales.
    """

    mean: float
    noise: float
    log_outputscale: float
    log_rho: Vector


class MarginalLikelihood:
    """Log marginal likelihood of a Matern-5/2 GP with a constant mean (Rasmussen and Williams 2006, equation
    5.8 and 5.9).

    Not safe to share between threads: the buffers are reused by every call.

    Args:
        X: `n x d` inputs in the unit cube, float64.
        y: `n` observations.
    """

    def __init__(self, X: Vector, y: Vector) -> None:
        n, d = X.shape
        self._y = np.ascontiguousarray(y)
        # Centring loses nothing (the kernel is stationary) and makes the distances' cancellation error
        # smaller.
        self._X = np.ascontiguousarray(X - 0.5)
        self._X_and_ones = np.hstack([self._X, np.ones((n, 1))])
        self._left = np.empty((n, d + 2))
        self._right = np.empty((n, d + 2))
        self._left[:, d] = 1.0
        self._right[:, d + 1] = 1.0
        self._squared = np.empty((n, n))
        self._decay = np.empty((n, n))
        self._decay_tensor = torch.from_numpy(self._decay)
        self._slope = np.empty((n, n))
        # LAPACK works on columns; the transposed view of a C-ordered symmetric array is the same array.
        self._covariance = np.empty((n, n))
        self._scratch = np.empty(n * n // 4 + n)

    def memory(self) -> int:
        """Bytes of all buffers."""
        buffers = (self._left, self._right, self._squared, self._decay, self._slope, self._covariance)
        return sum(buffer.nbytes for buffer in buffers) + self._scratch.nbytes

    def __call__(
        self, mean: float, noise: Vector, outputscale: float, rho: Vector
    ) -> tuple[float, Slopes] | None:
        """Evaluate it.

        Args:
            mean: The constant mean.
            noise: `n` noise variances.
            outputscale: The signal variance.
            rho: `d` squared inverse lengthscales.

        Returns:
            The log marginal likelihood and its slopes; None where the covariance is not positive definite in
            double precision.
        """
        residual = self._y - mean if mean else self._y
        self._fill_covariance(rho, outputscale, noise)
        factor = self._covariance.T
        _, info = lapack.dpotrf(factor, lower=1, clean=1, overwrite_a=1)
        if info != 0:
            return None
        half_log_det = float(np.log(factor.diagonal()).sum())
        alpha, _ = lapack.dpotrs(factor, residual, lower=1)
        _invert_upper(self._covariance, self._scratch)
        lapack.dlauum(factor, lower=1, overwrite_c=1)
        quadratic = float(residual @ alpha)
        value = -0.5 * quadratic - half_log_det - 0.5 * len(residual) * LOG_2PI
        # weight_ii, where weight = (alpha alpha' - K^-1) / 2 is the slope in the covariance matrix
        weight_diagonal = 0.5 * (alpha * alpha - factor.diagonal())
        return value, Slopes(
            mean=float(alpha.sum()),
            noise=float(weight_diagonal.sum()),
            log_outputscale=0.5 * (quadratic - len(residual)) - float(weight_diagonal @ noise),
            log_rho=self._lengthscale_gradient(alpha, outputscale) * rho,
        )

    def _fill_covariance(self, rho: Vector, outputscale: float, noise: Vector) -> None:
        """Fill the covariance, and `decay`, `slope` as the gradient needs them.

        With `s = sqrt(5) r`: covariance = outputscale (1 + s + s^2/3) exp(-s) + noise, slope = (1 + s)
        exp(-s), whose product with -5/6 is the correlation's derivative in the squared distance.
        """
        d = self._X.shape[1]
        squared, decay, slope, covariance = self._squared, self._decay, self._slope, self._covariance
        # One product gives 5 r_ij^2 = |a_i|^2 + |a_j|^2 - 2 a_i a_j.
        scaled = self._right[:, :d]
        np.multiply(self._X, np.sqrt(5 * rho), out=scaled)
        np.multiply(scaled, -2.0, out=self._left[:, :d])
        np.einsum("ij,ij->i", scaled, scaled, out=self._left[:, d + 1])
        self._right[:, d] = self._left[:, d + 1]
        np.matmul(self._left, self._right.T, out=squared)
        np.maximum(squared, 0.0, out=squared)
        np.sqrt(squared, out=slope)
        np.negative(slope, out=decay)
        # Several times faster than NumPy's on processors without AVX-512; into the same memory.
        torch.exp(self._decay_tensor, out=self._decay_tensor)
        slope += 1.0
        slope *= decay
        np.multiply(squared, decay, out=covariance)
        covariance *= 1.0 / 3.0
        covariance += slope
        covariance *= outputscale
        covariance.reshape(-1)[:: len(noise) + 1] = outputscale + noise

    def _lengthscale_gradient(self, alpha: Vector, outputscale: float) -> Vector:
        """Slopes of the log likelihood in the d squared inverse lengthscales: two thin products.

        sum_ij M_ij (x_ik - x_jk)^2 = 2 sum_i x_ik (x_ik sum_j M_ij - sum_j M_ij x_jk) for symmetric M.
        """
        weighted, inverse = self._decay, self._covariance
        d = self._X.shape[1]
        # Only the upper triangle of `inverse` (C order) holds the inverse.
        np.multiply.outer(alpha, alpha, out=weighted)
        weighted -= inverse
        weighted *= self._slope
        product = blas.dsymm(1.0, weighted.T, self._X_and_ones, lower=1)
        inner = self._X * product[:, d:] - product[:, :d]
        total: Vector = np.einsum("ij,ij->j", self._X, inner)
        return total * (-5.0 / 6.0 * outputscale)


def _invert_upper(factor: Vector, scratch: Vector) -> None:
    """Invert an upper triangular matrix in place, by halves.

    OpenBLAS's own `dtrtri`, and so its `dpotri`, runs at a seventh of the speed of its matrix product.

    Args:
        factor: `n x n`, rows contiguous, zero below the diagonal.
        scratch: At least `((n + 1) // 2)^2` numbers of work space.
    """
    n = len(factor)
    if n <= _SMALL:
        factor[:] = lapack.dtrtri(factor.T, lower=1)[0].T
        return
    half = n // 2
    head, corner, tail = factor[:half, :half], factor[:half, half:], factor[half:, half:]
    _invert_upper(head, scratch)
    _invert_upper(tail, scratch)
    product = scratch[: corner.size].reshape(corner.shape)
    np.matmul(corner, tail, out=product)
    np.matmul(head, product, out=corner)
    np.negative(corner, out=corner)
