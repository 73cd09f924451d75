"""The LAPACK and BLAS routines of the density, without Python's lock.

SciPy's own wrappers hold the global interpreter lock while they compute, so that two objectives in two
threads take as long as one after the other. The same routines are there for Cython, as pointers to C
functions; called through `ctypes` they release the lock.

Matrices are `n x n` and float64, each row contiguous. LAPACK, which counts by columns, sees the transpose and
calls lower what is upper here. Nothing is checked.
"""

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cython_blas, cython_lapack

Vector = NDArray[np.float64]


def _routine(module: Any, name: str, arguments: int) -> Any:
    """One of SciPy's routines for Cython: every argument is an address."""
    capsule = module.__pyx_capi__[name]
    api = ctypes.PyDLL(None)
    name_of, pointer_of = api.PyCapsule_GetName, api.PyCapsule_GetPointer
    name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    prototype = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * arguments)
    return prototype(pointer_of(capsule, name_of(capsule)))


_POTRF = _routine(cython_lapack, "dpotrf", 5)
_POTRS = _routine(cython_lapack, "dpotrs", 8)
_TRTRI = _routine(cython_lapack, "dtrtri", 6)
_LAUUM = _routine(cython_lapack, "dlauum", 5)
_SYMM = _routine(cython_blas, "dsymm", 12)

# ctypes keeps what an argument refers to alive for the length of a call, and these for good.
_LOWER, _RIGHT, _NOT_UNIT = (ctypes.byref(ctypes.c_char(flag)) for flag in (b"L", b"R", b"N"))
_ONE, _ZERO = ctypes.byref(ctypes.c_double(1.0)), ctypes.byref(ctypes.c_double(0.0))
_ONE_COLUMN = ctypes.byref(ctypes.c_int(1))


def _int(value: int) -> Any:
    return ctypes.byref(ctypes.c_int(value))


def _stride(matrix: Vector) -> Any:
    return _int(matrix.strides[0] // matrix.itemsize)


def factorise(matrix: Vector) -> bool:
    """Overwrite a symmetric matrix's upper triangle by U with `matrix = U' U`; only that triangle is read.

    Returns:
        Whether the matrix is positive definite; if it is not, its contents are of no use.
    """
    info = ctypes.c_int(0)
    _POTRF(_LOWER, _int(len(matrix)), matrix.ctypes.data, _stride(matrix), ctypes.byref(info))
    return info.value == 0


def solve(factor: Vector, rhs: Vector) -> Vector:
    """The solution of `U' U x = rhs` for an upper triangular U and `n` numbers."""
    x = rhs.copy()
    n = _int(len(factor))
    info = _int(0)
    _POTRS(_LOWER, n, _ONE_COLUMN, factor.ctypes.data, _stride(factor), x.ctypes.data, n, info)
    return x


def invert_triangle(factor: Vector) -> None:
    """Overwrite an upper triangular matrix's upper triangle by its inverse."""
    n = _int(len(factor))
    _TRTRI(_LOWER, _NOT_UNIT, n, factor.ctypes.data, _stride(factor), _int(0))


def square_triangle(factor: Vector) -> None:
    """Overwrite an upper triangular U by the upper triangle of `U U'`."""
    _LAUUM(_LOWER, _int(len(factor)), factor.ctypes.data, _stride(factor), _int(0))


def symmetric_product(matrix: Vector, other: Vector, out: Vector) -> None:
    """Write `matrix @ other` to `out`, both `n x k`; only the symmetric matrix's upper triangle is read."""
    n, k = other.shape
    rows, inner = _int(k), _int(n)
    _SYMM(
        *(_RIGHT, _LOWER, rows, inner, _ONE, matrix.ctypes.data, _stride(matrix)),
        *(other.ctypes.data, _stride(other), _ZERO, out.ctypes.data, _stride(out)),
    )
