"""The surrogate: means of Gaussian processes, evaluated with NumPy alone.

A mean at x is `k(x, X) W + c` with a Matern-5/2 kernel, so a point costs a product with the inputs X and an
exponential for each of them. `nas.benchmark.nlu24.fit` chooses the numbers. Exact match is modelled as its
logit, latency and seconds as their logarithms.
"""

import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tokenize import TokenError
from typing import Self
from zipfile import BadZipFile

import numpy as np

from nas.benchmark.nlu24.data import (
    EXACT_MATCH,
    FORMAT,
    LATENCY,
    SECONDS,
    SURROGATE,
    check_format,
    damaged,
    missing,
)
from nas.space import Array

FAILED, DIVERGED = "failed", "diverged"
"""The models of the probabilities that a training fails, and that one that did not fail diverges."""
MODELS = (EXACT_MATCH, LATENCY, SECONDS, FAILED, DIVERGED)

# Points at once: what is computed of them stays in a core's cache.
_CHUNK = 16
# An exact match of 0 or 100 % has no logit: half an answer in a thousand.
_EDGE = 0.05
# What NumPy and its parts raise of a file with other bytes than those that were written.
_UNREADABLE = (
    *(OSError, EOFError, ValueError, KeyError, TypeError, RuntimeError, SyntaxError),
    *(BadZipFile, zlib.error, TokenError),
)


def logit(percent: Array) -> Array:
    """An exact match in percent on the scale on which it is modelled."""
    share = np.clip(percent, _EDGE, 100 - _EDGE) / 100
    return np.asarray(np.log(share / (1 - share)))


def percent(logits: Array) -> Array:
    """The exact match in percent."""
    return np.asarray(100 / (1 + np.exp(-logits)))


@dataclass(frozen=True)
class Model:
    """The mean of p Gaussian processes that share a kernel.

    Attributes:
        inputs: `n x d`, in the unit cube.
        lengthscale: `d`.
        weights: `n x p`.
        offset: `p`.
    """

    inputs: Array
    lengthscale: Array
    weights: Array
    offset: Array


@dataclass(frozen=True)
class Surrogate:
    """All models, and the noise that their means leave out.

    Attributes:
        models: One for each of `MODELS`. That of the exact match has a column a pass, or one for the last.
        noise: Standard deviations on the scales of the models.
        latency_se: Standard error of a measured latency, as a share of it.
        diverged: Exact matches of runs that diverged, percent; 0 where none did.
        table: SHA-256 of the table that it was fitted to.
        version: Of the data.
    """

    models: Mapping[str, Model]
    noise: Mapping[str, float]
    latency_se: float
    diverged: Array
    table: str
    version: str

    @cached_property
    def _stacked(self) -> tuple[Array, Array, Array, list[slice]]:
        """Inputs of all models, scaled so that their products with x are those of `5 r^2`; these squares;
        the models' own factors of the squares of x; their rows.
        """
        scales = [5 / model.lengthscale**2 for model in self.models.values()]
        inputs = [model.inputs * scale for model, scale in zip(self.models.values(), scales, strict=True)]
        squares = [
            (one * model.inputs).sum(axis=1) for one, model in zip(inputs, self.models.values(), strict=True)
        ]
        ends = np.cumsum([len(one) for one in inputs]).tolist()
        rows = [slice(end - len(one), end) for end, one in zip(ends, inputs, strict=True)]
        return np.vstack(inputs), np.concatenate(squares), np.stack(scales), rows

    def means(self, X: Array) -> dict[str, Array]:
        """The models' means.

        Args:
            X: `n x d` points in the unit cube.

        Returns:
            Model to `n x p` values on its own scale.
        """
        if len(X) <= _CHUNK:
            return self._chunk(X)
        parts = [self._chunk(X[start : start + _CHUNK]) for start in range(0, len(X), _CHUNK)]
        return {name: np.vstack([part[name] for part in parts]) for name in self.models}

    def _chunk(self, X: Array) -> dict[str, Array]:
        inputs, squares, scales, rows = self._stacked
        squared = X @ inputs.T
        squared *= -2.0
        squared += squares
        own = (X * X) @ scales.T
        for index, row in enumerate(rows):
            squared[:, row] += own[:, index : index + 1]
        np.maximum(squared, 0.0, out=squared)
        distance = np.sqrt(squared)
        kernel = squared
        kernel /= 3.0
        kernel += distance
        kernel += 1.0
        np.negative(distance, out=distance)
        kernel *= np.exp(distance, out=distance)
        return {
            name: kernel[:, row] @ model.weights + model.offset
            for (name, model), row in zip(self.models.items(), rows, strict=True)
        }

    def predict(self, X: Array, epochs: int | None = None) -> dict[str, Array]:
        """What is expected of n points, without noise.

        Args:
            X: `n x d` points in the unit cube.
            epochs: Passes over the training data, from 1; None: all.

        Returns:
            `n` values each of the exact match in percent, the latency's ratio to the reference's and the
            seconds of all passes, and the probabilities `p_failed` and `p_diverged`.
        """
        means = self.means(X)
        failed, diverged = (np.clip(means[name][:, 0], 0.0, 1.0) for name in (FAILED, DIVERGED))
        return {
            EXACT_MATCH: percent(means[EXACT_MATCH][:, -1 if epochs is None else epochs - 1]),
            LATENCY: np.exp(means[LATENCY][:, 0]),
            SECONDS: np.exp(means[SECONDS][:, 0]),
            "p_failed": failed,
            # The model is of those that did not fail.
            "p_diverged": diverged * (1.0 - failed),
        }

    def write(self, folder: Path) -> None:
        """Writes plain arrays into the data's folder."""
        arrays: dict[str, Array] = {
            "format": np.array(FORMAT),
            "table": np.array(self.table),
            "version": np.array(self.version),
            "latency_se": np.array(self.latency_se),
            "diverged": self.diverged,
        }
        for name, model in self.models.items():
            arrays |= {f"{name}.{part}": getattr(model, part) for part in Model.__dataclass_fields__}
            arrays[f"{name}.noise"] = np.array(self.noise[name])
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
        (folder / SURROGATE).write_bytes(buffer.getvalue())

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Reads what `write` wrote.

        Raises:
            BenchmarkError: If it is not there, damaged, or of another layout.
        """
        path = folder / SURROGATE
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
                check_format(path, int(arrays["format"]))
                models = {
                    name: Model(*(arrays[f"{name}.{part}"] for part in Model.__dataclass_fields__))
                    for name in MODELS
                }
                return cls(
                    models,
                    {name: float(arrays[f"{name}.noise"]) for name in MODELS},
                    float(arrays["latency_se"]),
                    arrays["diverged"],
                    str(arrays["table"]),
                    str(arrays["version"]),
                )
        except FileNotFoundError:
            raise missing(path) from None
        except _UNREADABLE as error:
            raise damaged(path, error) from error
