"""The benchmark: `NLU24`, a `nas.problem.Problem` like any other."""

import math
import zlib
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nas.benchmark.nlu24.data import (
    DATA,
    EXACT_MATCH,
    LATENCY,
    OBJECTIVES,
    SECONDS,
    TABLE,
    BenchmarkError,
    Description,
    digest,
    read_space_file,
)
from nas.benchmark.nlu24.encoding import Encoder
from nas.benchmark.nlu24.surrogate import Surrogate
from nas.benchmark.nlu24.table import SPLITS, Run, from_text, mean, pass_name, read_table
from nas.errors import NasError
from nas.space import Array, Point, Space
from nas.study.goals import Goals, Metric
from paretoparse.checks import Range

# Two coordinates are one where they differ by less than one part in so many of the range.
_GRID = 2**20
# How many seeds a point's trainings have.
_SEEDS = 2**62


class TrialFailedError(NasError):
    """A training that failed, as some do."""


class NLU24:
    """Exact match and latency's 99th percentile of a parser, as functions of 24 hyperparameters.

    Args:
        kind: `surrogate` answers for every point of the space, `table` for those that were trained.
        noisy: Whether each seed gives another training and measurement, some of which fail; otherwise what
            is expected of them. Of the table: one of a point's runs, or the mean of all.
        data: Folder of the data; None: the data that comes with the package.

    Raises:
        BenchmarkError: If there is no such data.
    """

    def __init__(
        self,
        kind: Literal["surrogate", "table"] = "surrogate",
        *,
        noisy: bool = True,
        data: str | Path | None = None,
    ) -> None:
        if kind not in ("surrogate", "table"):
            raise BenchmarkError(f"kind={kind} is unknown; use surrogate or table.")
        self.kind = kind
        self.noisy = noisy
        self._folder = DATA if data is None else Path(data)
        self.description = Description.read(self._folder)
        self.space: Space = read_space_file(self._folder)
        self.goals = Goals.of(OBJECTIVES)
        self._encode = Encoder(self.space)
        if kind == "surrogate":
            self.surrogate = Surrogate.read(self._folder)
            if self.surrogate.table != self.description.table:
                raise BenchmarkError(
                    f"the surrogate in {self._folder} was fitted to version {self.surrogate.version} of the "
                    f"table, not to {self.description.version}; install or build the data anew."
                )

    @property
    def version(self) -> str:
        """Of the data; results of one version are not those of another."""
        return self.description.version

    @property
    def reference(self) -> Point:
        """The reference model's point."""
        return dict(self.description.reference)

    @property
    def reference_point(self) -> tuple[float, float]:
        """The hypervolume's: the reference model's exact match and latency."""
        return self.description.reference_point

    @property
    def epochs(self) -> int:
        """Passes over the training data that a trial takes."""
        return self.description.epochs

    @cached_property
    def runs(self) -> list[Run]:
        """The rows of the table.

        Raises:
            BenchmarkError: If the table is not the one that the data describes.
        """
        text = read_table(self._folder)
        if digest(text) != self.description.table:
            raise BenchmarkError(
                f"{self._folder / TABLE} is not that of version {self.version}; install or build the "
                "data anew."
            )
        return from_text(self.space, text)

    @cached_property
    def _runs_at(self) -> dict[tuple[Hashable, ...], list[Run]]:
        found: dict[tuple[Hashable, ...], list[Run]] = defaultdict(list)
        for run in self.runs:
            found[self.space.key(run.point)].append(run)
        return dict(found)

    def points(self, split: str | None = None) -> list[Point]:
        """The points of the table, each once.

        Args:
            split: `train`, `valid` or `test`; None: all.

        Raises:
            BenchmarkError: If there is no such split.
        """
        if split is not None and split not in SPLITS:
            raise BenchmarkError(f"split={split} is unknown; use train, valid or test.")
        return [
            dict(runs[0].point) for runs in self._runs_at.values() if split is None or runs[0].split == split
        ]

    def sample(self, seed: int) -> Point:
        """A random point: of the space, or of the table where `kind` is that."""
        rng = np.random.default_rng(seed)
        if self.kind == "table":
            points = self.points()
            return points[rng.integers(len(points))]
        return self.space.at_quantiles(rng.random((1, len(self.space.parameters))))[0]

    def __call__(
        self, point: Mapping[str, Any], *, epochs: int | None = None, seed: int = 0
    ) -> dict[str, Metric]:
        """Trains and measures.

        Args:
            point: Parameter values.
            epochs: Passes over the training data, from 1; None: all. Latency does not depend on them.
            seed: Of the training, from 0. The same point and seed give the same result.

        Returns:
            `exact_match` in percent, `latency_p99_ratio` to the reference model's, its standard error
            `latency_p99_ratio_se`, the `seconds` of the training, its `epochs`, and whether it `diverged`.

        Raises:
            BenchmarkError: If the space or the table does not have the point, or there is nothing of so many
                passes.
            TrialFailedError: If the training failed.
        """
        seed = _integer("seed", seed, 0, _SEEDS - 1)
        passes = self._passes(epochs)
        X = self._encode(point)
        found = (
            self._drawn(X, passes, seed)
            if self.kind == "surrogate"
            else self._looked_up(point, X, passes, seed)
        )
        return {**found, "epochs": passes}

    def evaluate(self, point: Point, rng: np.random.Generator) -> dict[str, Metric]:
        """See `nas.problem.Problem.evaluate`."""
        return self(point, seed=int(rng.integers(_SEEDS)))

    def true(self, point: Mapping[str, Any]) -> dict[str, float]:
        """The objectives of a point without noise."""
        if self.kind == "surrogate":
            found = self.surrogate.predict(self._encode(point))
            return {name: float(found[name][0]) for name in OBJECTIVES}
        self._encode(point)
        runs = [run for run in self._found(point) if run.succeeded]
        if not runs:
            raise TrialFailedError("all trainings of this point failed or diverged.")
        return {name: mean(self.space, runs, name) or 0.0 for name in OBJECTIVES}

    def predict(self, points: Sequence[Mapping[str, Any]], *, epochs: int | None = None) -> dict[str, Array]:
        """What the surrogate expects of n points, without noise; see `Surrogate.predict`.

        Raises:
            BenchmarkError: If `kind` is not `surrogate`, or the space does not have a point.
        """
        if self.kind != "surrogate":
            raise BenchmarkError("a table predicts nothing; use NLU24('surrogate').")
        found = self.surrogate.predict(self._encode.many(list(points)), self._column(self._passes(epochs)))
        return found | {SECONDS: found[SECONDS] * self._passes(epochs) / self.epochs}

    def _passes(self, epochs: int | None) -> int:
        if epochs is None:
            return self.epochs
        epochs = _integer("epochs", epochs, 1, self.epochs)
        if epochs < self.epochs and not self.description.by_pass:
            raise BenchmarkError(
                f"version {self.version} of the data knows the exact match after the last pass only; leave "
                "epochs out."
            )
        return epochs

    def _column(self, passes: int) -> int | None:
        return passes if self.description.by_pass else None

    def _drawn(self, X: Array, passes: int, seed: int) -> dict[str, Metric]:
        found = {name: float(v[0]) for name, v in self.surrogate.predict(X, self._column(passes)).items()}
        p_failed, p_diverged = found.pop("p_failed"), found.pop("p_diverged")
        diverged, noise = False, self.surrogate.noise
        if self.noisy:
            rng = _rng(X, seed)
            chance = rng.random()
            shifts = rng.standard_normal(3).tolist()
            if chance < p_failed:
                raise TrialFailedError("the training failed, as it does at such points.")
            diverged = bool(chance < p_failed + p_diverged)
            # A shift of the logit is a factor of the odds.
            odds = found[EXACT_MATCH] / (100 - found[EXACT_MATCH]) * math.exp(noise[EXACT_MATCH] * shifts[0])
            found[EXACT_MATCH] = 100 * odds / (1 + odds)
            if diverged:
                found[EXACT_MATCH] = float(rng.choice(self.surrogate.diverged))
            found[LATENCY] *= math.exp(noise[LATENCY] * shifts[1])
            found[SECONDS] *= math.exp(noise[SECONDS] * shifts[2])
        se = self.surrogate.latency_se * found[LATENCY]
        seconds = found.pop(SECONDS) * passes / self.epochs
        return {**found, f"{LATENCY}_se": se, SECONDS: seconds, "diverged": diverged}

    def _found(self, point: Mapping[str, Any]) -> list[Run]:
        runs = self._runs_at.get(self.space.key(point))
        if runs is None:
            raise BenchmarkError(
                "the table has no such point; take one of points(), or use NLU24('surrogate') for all others."
            )
        return runs

    def _looked_up(self, point: Mapping[str, Any], X: Array, passes: int, seed: int) -> dict[str, Metric]:
        runs = self._found(point)
        if self.noisy:
            run = runs[_rng(X, seed).integers(len(runs))]
            if run.failure is not None:
                raise TrialFailedError(f"this training failed: {run.failure}.")
            runs = [run]
        elif not (
            runs := [run for run in runs if run.succeeded] or [run for run in runs if run.failure is None]
        ):
            raise TrialFailedError("all trainings of this point failed.")
        name = EXACT_MATCH if passes == self.epochs else pass_name(passes)
        means = {
            metric: mean(self.space, runs, metric) for metric in (name, LATENCY, f"{LATENCY}_se", SECONDS)
        }
        seconds = means.pop(SECONDS)
        return {
            EXACT_MATCH: means.pop(name),
            **means,
            SECONDS: None if seconds is None else seconds * passes / self.epochs,
            "diverged": any(run.diverged for run in runs),
        }


def _integer(name: str, value: int, low: int, high: int) -> int:
    """A plain integer: NumPy's overflow where seeds are shifted."""
    Range(low=low, high=high, whole=True).check(name, value, BenchmarkError)
    return int(value)


def _rng(X: Array, seed: int) -> np.random.Generator:
    """The generator of a point's training with a seed, the same on all machines.

    Philox takes both as they are; other generators need longer to begin than a prediction takes.
    """
    place = zlib.crc32(np.rint(X * _GRID).astype("<i8").tobytes())
    return np.random.Generator(np.random.Philox(key=seed << 32 | place))
