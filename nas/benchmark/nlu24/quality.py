"""How good the surrogate is: the numbers of quality.json."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import kendalltau, spearmanr

from nas.benchmark.nlu24.data import EXACT_MATCH, LATENCY, OBJECTIVES, SECONDS
from nas.benchmark.nlu24.fit import Repeated, targets
from nas.benchmark.nlu24.surrogate import DIVERGED, FAILED, Surrogate
from nas.benchmark.nlu24.table import Run
from nas.pareto import front, hypervolume
from nas.space import Array, Space
from nas.study import REFERENCE, Goals

# Kendall's coefficient is also given of values rounded to so much, as differences below are noise: percent,
# ratio, seconds.
ROUNDED = {EXACT_MATCH: 0.1, LATENCY: 0.01, SECONDS: 1.0}
# The share of runs that counts as near the front.
NEAR = 0.2
# Fewer runs than this say nothing.
_LEAST = 10
# The search for the surrogate's own front.
_ROUNDS, _CHILDREN = 30, 500

Fit = Callable[[Sequence[Run]], Surrogate]


def scores(space: Space, surrogate: Surrogate, runs: Sequence[Run]) -> dict[str, Any]:
    """How well runs are predicted, a mapping for exact match, latency and seconds each; null for too few.

    `r2`, `rmse` (percent, ratio, seconds), `kendall`, `kendall_rounded` (see `ROUNDED`), `spearman`.
    """
    good = [run for run in runs if run.succeeded and SECONDS in run.metrics]
    if len(good) < _LEAST:
        return dict.fromkeys(ROUNDED)
    found = surrogate.predict(space.encode([run.point for run in good]))
    return {
        name: _scores(np.array([run.metrics[name] for run in good]), found[name], ROUNDED[name])
        for name in ROUNDED
    }


def _scores(observed: Array, predicted: Array, step: float) -> dict[str, float | int]:
    error = observed - predicted
    return {
        "n": len(observed),
        "r2": float(1 - (error**2).sum() / max(((observed - observed.mean()) ** 2).sum(), 1e-300)),
        "rmse": float(np.sqrt((error**2).mean())),
        "kendall": float(kendalltau(observed, predicted).statistic),
        "kendall_rounded": float(kendalltau(np.rint(observed / step), np.rint(predicted / step)).statistic),
        "spearman": float(spearmanr(observed, predicted).statistic),
    }


def leave_one_strategy_out(space: Space, runs: Sequence[Run], fit: Fit) -> dict[str, Any]:
    """How well the runs of each origin are predicted from all others, without those of the same points."""
    found = {}
    for origin in sorted({run.origin for run in runs if run.repeats is None} - {REFERENCE}):
        left = [run for run in runs if run.origin == origin]
        keys = {space.key(run.point) for run in left}
        others = [run for run in runs if space.key(run.point) not in keys]
        enough = min(sum(run.succeeded for run in part) for part in (left, others)) >= _LEAST
        found[origin] = scores(space, fit(others), left) if enough else None
    return found


def noise(released: Surrogate, inferred: Surrogate, found: Mapping[str, Repeated]) -> dict[str, Any]:
    """The noise that the benchmark adds beside that of the Gaussian processes and of repeated trainings."""
    return {
        name: {
            "scale": "logit" if name == EXACT_MATCH else "logarithm",
            "released": released.noise[name],
            "inferred": inferred.noise[name],
            "repeated": repeated.deviation,
            "freedom": repeated.freedom,
        }
        for name, repeated in found.items()
    }


def outcomes(space: Space, surrogate: Surrogate, runs: Sequence[Run]) -> dict[str, Any]:
    """How well failures and divergence are foretold: Brier scores, beside those of their share alone."""
    if not runs:
        return {"n": 0}
    happened = {FAILED: [run.failure is not None for run in runs], DIVERGED: [run.diverged for run in runs]}
    found = surrogate.predict(space.encode([run.point for run in runs]))
    shares = {name: float(surrogate.models[name].offset[0]) for name in happened}
    shares[DIVERGED] *= 1 - shares[FAILED]
    result: dict[str, Any] = {"n": len(runs)}
    for name, ones in happened.items():
        own = np.array(ones, dtype=np.float64)
        result[name] = {
            "share": float(own.mean()),
            "brier": float(((found[f"p_{name}"] - own) ** 2).mean()),
            "brier_of_share": float(((shares[name] - own) ** 2).mean()),
        }
    return result


def near_front(
    space: Space, surrogate: Surrogate, runs: Sequence[Run], held_out: Sequence[Run]
) -> dict[str, Any]:
    """Errors of held-out runs near the front of all runs: RMSE and bias in percent and of the ratio.

    A run is as far from the front as its objectives must improve, in units of their ranges, until it is not
    dominated; the nearest fifth counts. As results choose it, lucky ones are among it, and the bias is also
    theirs.
    """
    good = [run for run in runs if run.succeeded]
    values, units = _matrix(good), _units(good)
    best = values[front(values)] / units
    held = [run for run in held_out if run.succeeded]
    if len(held) * NEAR < 2:
        return dict.fromkeys(OBJECTIVES)
    far = (best[None] - (_matrix(held) / units)[:, None]).min(axis=2).max(axis=1)
    limit = np.quantile(far, NEAR)
    near = [run for run, distance in zip(held, far, strict=True) if distance <= limit]
    found = surrogate.predict(space.encode([run.point for run in near]))
    result: dict[str, Any] = {"n": len(near)}
    for name in OBJECTIVES:
        error = found[name] - np.array([run.metrics[name] for run in near])
        result[name] = {"rmse": float(np.sqrt((error**2).mean())), "bias": float(error.mean())}
    return result


def fronts(
    space: Space, surrogate: Surrogate, runs: Sequence[Run], reference_point: tuple[float, float]
) -> dict[str, Any]:
    """The front of the table beside the surrogate's, at the same points and where a search ends.

    Hypervolumes are in units of the reference point. A surrogate that extrapolates would have a front of few
    points, far beyond the table's best.
    """
    good = [run for run in runs if run.succeeded]
    X = space.encode([run.point for run in good])
    known, predicted = _matrix(good), _predicted(surrogate, X)
    searched = _search(space, surrogate, X[front(predicted)])
    ends = {
        "table": known,
        "surrogate_at_table": predicted,
        "surrogate_searched": _predicted(surrogate, searched),
    }
    return {
        name: {
            "points": int(front(values).sum()),
            "hypervolume": _volume(values, reference_point),
            "best_exact_match": float(values[:, 0].max()),
            "best_latency_p99_ratio": float(-values[:, 1].max()),
        }
        for name, values in ends.items()
    }


def _search(space: Space, surrogate: Surrogate, X: Array) -> Array:
    """An evolution of the surrogate's front, without noise: where a thorough search would end."""
    rng = np.random.default_rng(0)
    best = X
    for _ in range(_ROUNDS):
        children = best[rng.integers(len(best), size=_CHILDREN)]
        change = rng.random(children.shape) < 3 / children.shape[1]
        children = np.where(change, rng.random(children.shape), children)
        pool = np.vstack([best, space.encode(space.decode(children))])
        best = pool[front(_predicted(surrogate, pool))]
    return best


def _predicted(surrogate: Surrogate, X: Array) -> Array:
    found = surrogate.predict(X)
    return Goals.of(OBJECTIVES).matrix(
        np.stack([found[name] for name in OBJECTIVES], axis=1).tolist(), np.ones(2)
    )


def _matrix(runs: Sequence[Run]) -> Array:
    """Objectives of runs, `n x 2`, to be maximised."""
    return Goals.of(OBJECTIVES).matrix(
        [[run.metrics[name] for name in OBJECTIVES] for run in runs], np.ones(2)
    )


def _units(runs: Sequence[Run]) -> Array:
    return np.asarray(np.maximum(np.ptp(_matrix(runs), axis=0), 1e-12))


def _volume(values: Array, reference_point: tuple[float, float]) -> float:
    units = np.array(reference_point)
    return hypervolume(values / units, np.array([1.0, -1.0]))


def consistency(space: Space, surrogate: Surrogate, runs: Sequence[Run]) -> dict[str, float | None]:
    """Share of held-out runs within 2 standard deviations of noise from the surrogate, on its scale.

    Of a surrogate without errors that is 0.95.
    """
    good = [run for run in runs if run.succeeded]
    if len(good) < _LEAST:
        return dict.fromkeys(OBJECTIVES)
    means = surrogate.means(space.encode([run.point for run in good]))
    return {
        name: float((np.abs(targets(good, name) - means[name][:, -1:]) <= 2 * surrogate.noise[name]).mean())
        for name in OBJECTIVES
    }


def lines(found: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Nested numbers as text, one line for each innermost mapping."""
    if not any(isinstance(value, Mapping) for value in found.values()):
        cells = (f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in found.items())
        return [f"{prefix}: {', '.join(cells)}"]
    told = []
    for name, value in found.items():
        label = f"{prefix} {name}".strip()
        told += lines(value, label) if isinstance(value, Mapping) else [f"{label}: {value}"]
    return told
