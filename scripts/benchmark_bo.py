"""Benchmarks of the Bayesian optimisation step against BoTorch: same data, same machine, one run.

    python scripts/benchmark_bo.py part=fit n=240
    python scripts/benchmark_bo.py part=step n=240 q=16
    python scripts/benchmark_bo.py part=optimise

Options: `datasets=1` data sets, `baseline_python=PATH` an interpreter with `botorch[fully_bayesian]` where it
is not this one, `x64=false` whether BoTorch's JAX runs in double precision (as shipped it does not),
`output=FILE` a JSON lines file that every worker's result is added to, and whose results are not run again.
Each side runs in its own process, so that peak memory can be compared. For `part=optimise` see
`benchmark_optimise.py`.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import torch
from torch import Tensor

from paretoparse.arguments import read_options
from paretoparse.checks import COUNT
from paretoparse.cli import plain_main
from paretoparse.errors import ParetoParseError, UsageError

DIMENSION = 24
HELD_OUT = 500
BATCH = 16
THINNING = 16
# What a worker's result is known by.
IDENTITY = ("side", "part", "n", "q", "seed", "x64")
# How hard BoTorch's optimiser works: no harder than `nas.candidates`, which has 4 starts out of 256 points.
RESTARTS, RAW_SAMPLES, MAX_ITERATIONS, MC_SAMPLES = 2, 64, 40, 128


class SideError(ParetoParseError):
    """One side of a comparison failed."""


@dataclass
class Options:
    """What can be given on the command line; see above."""

    part: str = "fit"
    n: int = 240
    q: int = 16
    datasets: int = 1
    baseline_python: str = sys.executable
    x64: bool = False
    output: str | None = None
    # Of a worker.
    side: str | None = None
    seed: int = 0
    # Only for part=optimise, see benchmark_optimise.py.
    problems: list[str] = field(
        default_factory=lambda: ["branin_currin", "dtlz2", "simulated_search", "rough_search"]
    )
    methods: list[str] = field(
        default_factory=lambda: [
            "adaptive",
            "saasbo",
            "gp",
            "map_saas",
            "sobol",
            "tpe",
            "nsga2",
            "gpsampler",
        ]
    )
    seeds: int = 5
    budget: int = 240
    workers: int = 2
    hours: float = 24.0


def main(arguments: Sequence[str]) -> None:
    """Run one part and print its line of JSON; or, as a worker, one side of it.

    Raises:
        UsageError: An argument is not usable.
        SideError: One side failed; its own message has been shown.
    """
    options = read_options(arguments, Options())
    for name in ("n", "q", "datasets", "seeds", "budget", "workers"):
        COUNT.check(name, getattr(options, name), UsageError)
    if options.part == "optimise":
        from benchmark_optimise import optimise

        optimise(options)
    elif options.part not in ("fit", "step"):
        raise UsageError(f"part={options.part} is unknown; use part=fit, part=step or part=optimise.")
    elif options.side is not None:
        print(json.dumps(work(options)))
    else:
        compare(options)


def compare(options: Options) -> None:
    """Run both sides on every data set, in turns, and print the ratios of their totals."""
    results: dict[str, list[dict[str, Any]]] = {"ours": [], "botorch": []}
    output = Path(options.output) if options.output is not None else None
    lines = output.read_text().splitlines() if output is not None and output.exists() else []
    known = {tuple(one[key] for key in IDENTITY): one for one in map(json.loads, lines)}
    for seed in range(options.datasets):
        for side, found in results.items():
            result = known.get((side, options.part, options.n, options.q, seed, options.x64))
            if result is None:
                result = run_worker(options, side, seed)
                if output is not None:
                    with output.open("a") as file:
                        file.write(json.dumps(result) + "\n")
            found.append(result)
            print(json.dumps(result), flush=True)

    def total(side: str, key: str) -> float:
        return float(np.sum([result[key] for result in results[side]]))

    def fit(side: str, start: str) -> float:
        return total(side, f"seconds_{start}") - total(side, "seconds_acquisition")

    summary = {
        "part": options.part,
        "n": options.n,
        "datasets": options.datasets,
        "x64": options.x64,
        "speedup_cold": total("botorch", "seconds_cold") / total("ours", "seconds_cold"),
        "speedup_warm": total("botorch", "seconds_cold") / total("ours", "seconds_warm"),
        "speedup_fit_cold": fit("botorch", "cold") / fit("ours", "cold"),
        "speedup_fit_warm": fit("botorch", "cold") / fit("ours", "warm"),
        "memory_ratio": total("ours", "peak_gb") / total("botorch", "peak_gb"),
        "log_density_difference": (total("ours", "log_density") - total("botorch", "log_density"))
        / options.datasets,
        "loo_log_density_difference": (total("ours", "loo_log_density") - total("botorch", "loo_log_density"))
        / options.datasets,
        "ess_per_second_ratio": total("ours", "ess_per_second") / total("botorch", "ess_per_second"),
    }
    print(json.dumps(summary))


def run_worker(options: Options, side: str, seed: int) -> dict[str, Any]:
    """Run one side in a fresh process."""
    python = options.baseline_python if side == "botorch" else sys.executable
    given = [f"{key}={getattr(options, key)}" for key in ("part", "n", "q", "x64")]
    environment = dict(os.environ, PYTHONPATH=str(Path(__file__).resolve().parents[1]))
    if side == "botorch" and options.x64:
        environment["JAX_ENABLE_X64"] = "1"
    command = [python, str(Path(__file__).resolve()), *given, f"side={side}", f"seed={seed}"]
    finished = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if finished.returncode != 0:
        raise SideError(f"the {side} side failed; its own message is above.")
    result: dict[str, Any] = json.loads(finished.stdout.strip().splitlines()[-1])
    return result


def work(options: Options) -> dict[str, Any]:
    """One side on one data set."""
    X, Y, X_test, Y_test = simulated(options.n, options.seed)
    run = run_ours if options.side == "ours" else run_botorch
    from nas.surrogate.crossval import leave_one_out
    from nas.surrogate.posterior import Members, Posterior

    with PeakMemory() as peak:
        model, timings, extra = run(options, X, Y)
    members = tuple(replace(Members.of(single), drawn=True) for single in model.models)
    return {
        "side": options.side,
        "part": options.part,
        "n": options.n,
        "q": options.q,
        "seed": options.seed,
        "x64": options.x64,
        "peak_gb": peak.gigabytes,
        "log_density": held_out_log_density(model, X_test, Y_test),
        "loo_log_density": float(
            np.mean([one.summary()["log_density"] for one in leave_one_out(Posterior(members))])
        ),
        **timings,
        **extra,
    }


class PeakMemory:
    """The largest memory that this process and those it started had together, sampled while the block runs.

    Attributes:
        gigabytes: Sum of the proportional set sizes, in which shared pages count once.
    """

    def __enter__(self) -> "PeakMemory":
        self.gigabytes, self._ended = 0.0, Event()
        self._thread = Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.5):
            lists = [file.read_text() for file in Path("/proc/self/task").glob("*/children")]
            processes = ["self", *" ".join(lists).split()]
            self.gigabytes = max(self.gigabytes, sum(map(_proportional, processes)) / 1e6)


def _proportional(process: str) -> int:
    """Kilobytes of one process; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def simulated(n: int, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A 24-dimensional problem with two noisy objectives that eight of the inputs matter for.

    Returns:
        Inputs `n x 24` and observations `n x 2`, then `HELD_OUT` of each.
    """
    rng = np.random.default_rng(seed)
    x = rng.random((n + HELD_OUT, DIMENSION))
    first = np.sin(3 * x[:, 0]) + 4 * (x[:, 1] - 0.5) ** 2 + x[:, 2] * x[:, 3] + 0.3 * x[:, 4]
    second = np.exp(-2 * x[:, 0]) + 1.5 * x[:, 5] + 0.5 * np.cos(4 * x[:, 6]) + 0.2 * x[:, 7]
    y = np.stack([first, second], axis=1)
    y = (y - y.mean(0)) / y.std(0) + 0.05 * rng.standard_normal(y.shape)
    X, Y = torch.from_numpy(x), torch.from_numpy(y)
    return X[:n], Y[:n], X[n:], Y[n:]


def run_ours(options: Options, X: Tensor, Y: Tensor) -> tuple[Any, dict[str, float], dict[str, Any]]:
    """Fit cold, then fit warm with the posterior of the batch before; choose a batch where asked."""
    from nas.surrogate.observations import Observations
    from nas.surrogate.saas import SaasSurrogate
    from nas.threads import torch_threads

    with torch_threads(1):  # as BayesianStrategy does
        surrogate = SaasSurrogate()
        before = surrogate.fit(Observations(X[:-BATCH], Y[:-BATCH]), seed=options.seed)
        began = time.perf_counter()
        posterior = surrogate.fit(Observations(X, Y), seed=options.seed + 1, start=before.state)
        warm = time.perf_counter() - began
        diagnostics = [one.as_dict() for one in posterior.diagnostics]
        began = time.perf_counter()
        cold_posterior = surrogate.fit(Observations(X, Y), seed=options.seed + 1)
        cold = time.perf_counter() - began
    ess = min(one.ess_bulk for one in cold_posterior.diagnostics)
    acquisition = suggest(posterior, Y, options.q) if options.part == "step" else 0.0
    timings = {"seconds_cold": cold + acquisition, "seconds_warm": warm + acquisition}
    extra = {"seconds_acquisition": acquisition, "ess_per_second": ess / cold, "diagnostics": diagnostics}
    return posterior.to_botorch(), timings, extra


def run_botorch(options: Options, X: Tensor, Y: Tensor) -> tuple[Any, dict[str, float], dict[str, Any]]:
    """BoTorch's own fit with the paper's lengths, one objective after the other as BoTorch does."""
    from botorch.fit import fit_fully_bayesian_model_nuts
    from botorch.models.fully_bayesian import SaasFullyBayesianSingleTaskGP
    from botorch.models.model_list_gp_regression import ModelListGP
    from botorch.models.transforms.outcome import Standardize

    if options.part == "step":
        # Compiling the C++ kernel of the acquisition happens once an environment and is not timed.
        qlog_kernel_ready()
    began = time.perf_counter()
    models = []
    for i in range(Y.shape[1]):
        model = SaasFullyBayesianSingleTaskGP(X, Y[:, i : i + 1], outcome_transform=Standardize(m=1))
        # All draws are kept for a moment, to see how many of them count.
        fit_fully_bayesian_model_nuts(model, thinning=1, disable_progbar=True, seed=options.seed + i)
        models.append(model)
    joint = ModelListGP(*models)
    fit = time.perf_counter() - began
    ess = min(thin(model) for model in models)
    acquisition = choose_batch(joint, X, Y, options.q) if options.part == "step" else 0.0
    extra = {"seconds_acquisition": acquisition, "ess_per_second": ess / fit}
    return joint, {"seconds_cold": fit + acquisition}, extra


def thin(model: Any) -> float:
    """Keep every 16th draw of a fitted BoTorch model; returns the smallest effective sample size before."""
    from nas.surrogate.diagnostics import effective_sample_size

    kernel = model.covar_module
    draws = {
        "mean": model.mean_module.constant.detach().reshape(-1),
        "outputscale": kernel.outputscale.detach().reshape(-1),
        "lengthscale": kernel.base_kernel.lengthscale.detach().squeeze(-2),
        "noise": model.likelihood.noise.detach().reshape(-1),
    }
    columns = torch.cat([value.reshape(len(value), -1).double() for value in draws.values()], dim=1)
    model.load_mcmc_samples({name: value[THINNING - 1 :: THINNING] for name, value in draws.items()})
    model.eval()
    return min(effective_sample_size(column[None]) for column in columns.T.numpy())


def qlog_kernel_ready() -> None:
    """Have BoTorch compile its C++ kernel, or load it from its cache."""
    from botorch.acquisition.multi_objective import logei

    logei._try_load_fused_kernel()


def suggest(posterior: Any, Y: Tensor, q: int) -> float:
    """Seconds of choosing q points by this project's acquisition function."""
    from nas.candidates import choose_batch
    from nas.space import FloatParameter, Space

    space = Space(tuple(FloatParameter(f"x{i}", 0.0, 1.0) for i in range(DIMENSION)))
    began = time.perf_counter()
    known = {space.key(point) for point in space.decode(posterior.members[0].X.numpy())}
    nothing = torch.empty(0, DIMENSION, dtype=torch.float64)
    choose_batch(
        posterior, space, pending=nothing, known=known, reference=reference_point(Y), count=q, seed=0
    )
    return time.perf_counter() - began


def reference_point(Y: Tensor) -> Tensor:
    """A quarter of the observations lie below it in each objective."""
    return Y.quantile(0.25, dim=0)


def choose_batch(model: Any, X: Tensor, Y: Tensor, q: int) -> float:
    """Seconds of choosing q points one after the other by BoTorch's qLogNEHVI."""
    from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
    from botorch.optim.optimize import optimize_acqf
    from botorch.sampling.normal import SobolQMCNormalSampler

    began = time.perf_counter()
    acquisition = qLogNoisyExpectedHypervolumeImprovement(
        model=model,
        ref_point=reference_point(Y),
        X_baseline=X,
        sampler=SobolQMCNormalSampler(torch.Size([MC_SAMPLES]), seed=0),
        prune_baseline=True,
    )
    optimize_acqf(
        acquisition,
        bounds=torch.tensor([[0.0], [1.0]], dtype=X.dtype).expand(2, X.shape[1]),
        q=q,
        num_restarts=RESTARTS,
        raw_samples=RAW_SAMPLES,
        options={"maxiter": MAX_ITERATIONS},
        sequential=True,
    )
    return time.perf_counter() - began


def held_out_log_density(model: Any, X: Tensor, Y: Tensor) -> float:
    """Mean log density of unseen observations under the mixture over draws, over points and objectives."""
    values = []
    with torch.no_grad():
        for i, single in enumerate(model.models):
            # Point by point in the batch dimension: only marginals are wanted.
            posterior = single.posterior(X[:, None, :], observation_noise=True)
            mean, variance = posterior.mean[..., 0, 0], posterior.variance[..., 0, 0]
            log_density = torch.distributions.Normal(mean, variance.sqrt()).log_prob(Y[:, i, None])
            values.append((log_density.logsumexp(-1) - np.log(mean.shape[-1])).mean())
    return float(torch.stack(values).mean())


if __name__ == "__main__":
    plain_main(main, __doc__)
