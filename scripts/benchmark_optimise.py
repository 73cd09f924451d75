"""Whole optimisations, strategy against strategy: `python scripts/benchmark_bo.py part=optimise`.

Options: `problems=[branin_currin,dtlz2,simulated_search,rough_search]` (also `failing_search` and
`diverging_search`, the halves of `rough_search`, and `nlu24`, docs/nlu24.md),
`methods=[adaptive,saasbo,gp,map_saas,sobol,tpe,nsga2,gpsampler]` (also `saasbo_robust`,
`ax` and `smac`), `seeds=5`, `budget=240`, `q=16`, `workers=2` runs at once, `hours=24` after which no further
batch is begun, `output=DIR`, and `baseline_python=PATH`, an interpreter with Ax and SMAC.

Every run of a seed starts with the same q points (Sobol points, and the reference model where there is one)
and goes on in batches of q. A run's file in DIR has the hypervolume after each batch, of the values without
noise of those trials that neither failed nor diverged, in units of the reference model's where there is one,
the seconds that proposing it took, and those of its trials; a run whose file is complete is not repeated.
"""

import csv
import logging
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from benchmark_peers import PEERS
from omegaconf import OmegaConf

import nas
from nas.benchmark.problems import PROBLEMS, KnownProblem
from nas.execution.loop import Plan, Quiet
from nas.pareto import hypervolume
from nas.strategy import Strategy, make_strategy
from nas.study import Trial
from paretoparse.cli import CONF
from paretoparse.errors import ParetoParseError, UsageError

if TYPE_CHECKING:
    from benchmark_bo import Options

ROOT = Path(__file__).resolve().parents[1]
# Seconds are a batch's: of proposing it, and those that its trials tell of; a failed one counts as the mean.
FIELDS = ("problem", "method", "seed", "evaluations", "hypervolume", "seconds", "trial_seconds")
# All but the last three are options of `strategy`.
METHODS = (
    *("adaptive", "saasbo", "saasbo_robust", "gp", "map_saas", "sobol", "tpe", "nsga2"),
    *("gpsampler", "ax", "smac"),
)
GPSAMPLER = {
    "_target_": "nas.strategy.optuna.OptunaStrategy",
    "sampler": {"_target_": "optuna.samplers.GPSampler"},
}


class OptimiseError(ParetoParseError):
    """Runs failed."""


def optimise(options: "Options") -> None:
    """Make all runs that are not there yet; or, as a worker, one.

    Raises:
        UsageError: A problem, a method or a number is not usable, or a method's library is not there.
        OptimiseError: Runs failed; their own messages have been shown.
    """
    unknown = ({*options.problems} - PROBLEMS.keys()) | ({*options.methods} - {*METHODS})
    if unknown:
        raise UsageError(f"not known: {', '.join(sorted(unknown))}; --help shows what there is.")
    for problem in options.problems:
        PROBLEMS[problem]()
    folder = Path(options.output or ROOT / "docs" / "benchmarks")
    (folder / "runs").mkdir(parents=True, exist_ok=True)
    deadline = time.time() + 3600 * options.hours
    if options.side is not None:
        work(options, options.side, folder, deadline)
        return
    runs = [
        (problem, method, seed)
        for seed in range(options.seeds)
        for problem in options.problems
        for method in options.methods
        if not is_complete(run_file(folder, problem, method, seed), options.budget)
    ]
    with ThreadPoolExecutor(options.workers) as pool:
        failed = sum(pool.map(lambda one: start_worker(options, *one, folder, deadline), runs))
    if failed:
        raise OptimiseError(f"{failed} of {len(runs)} runs failed; their own messages are above.")


def work(options: "Options", method: str, folder: Path, deadline: float) -> None:
    """Make the run of a worker."""
    first = min(options.q, options.budget)
    plan = Plan(options.budget, first, options.q, seed=options.seed, max_failure_rate=1.0)
    try:
        run(options.problems[0], method, plan, folder, deadline)
    except ModuleNotFoundError as error:
        remedy = "install the extra 'benchmark', or name an interpreter that has it: baseline_python=PATH"
        raise UsageError(f"{error}; {remedy}.") from error


def start_worker(
    options: "Options", problem: str, method: str, seed: int, folder: Path, deadline: float
) -> bool:
    """Make one run in a process of its own; returns whether it failed."""
    if time.time() > deadline:
        return False
    python = options.baseline_python if method in PEERS else sys.executable
    given = [f"{key}={getattr(options, key)}" for key in ("budget", "q")]
    given += [f"problems=[{problem}]", f"side={method}", f"seed={seed}", f"output={folder}"]
    script = str(ROOT / "scripts" / "benchmark_bo.py")
    left = [f"hours={(deadline - time.time()) / 3600}"]
    command = [python, script, "part=optimise", *given, *left]
    # Runs side by side share the cores.
    cores = str(max(1, (os.cpu_count() or 1) // options.workers))
    own = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": cores, "LOKY_MAX_CPU_COUNT": cores}
    done = subprocess.run(command, env=os.environ | own, check=False)
    return done.returncode != 0


def run(problem_name: str, method: str, plan: Plan, folder: Path, deadline: float) -> None:
    """One optimisation, until the budget is spent or the deadline has passed."""
    logging.basicConfig(level=logging.WARNING)
    problem = PROBLEMS[problem_name]()
    strategy = strategy_of(method, plan.batch_size)
    path = run_file(folder, problem_name, method, plan.seed)
    recorder = Recorder(path, (problem_name, method, plan.seed), problem, deadline)
    try:
        nas.optimise(problem, strategy, plan, events=recorder, reference_point=problem.reference_point)
    except OutOfTimeError:
        print(f"{path.stem}: out of time.", file=sys.stderr)


def strategy_of(method: str, q: int) -> Strategy:
    """The strategy that proposes batches of q after the first one."""
    if method in PEERS:
        return PEERS[method]()
    if method == "gpsampler":
        return make_strategy(OmegaConf.create(GPSAMPLER))
    node = OmegaConf.load(CONF / "strategy" / f"{method}.yaml")
    if method == "nsga2":
        # A population is a batch.
        node.sampler.population_size = q
    return make_strategy(node)


class OutOfTimeError(Exception):
    """The deadline has passed."""


class Recorder(Quiet):
    """Writes a run's file anew after every batch.

    Args:
        path: The file.
        labels: Problem, method and seed.
        problem: What is optimised.
        deadline: When no further batch is begun, in seconds since the epoch.
    """

    def __init__(
        self, path: Path, labels: tuple[str, str, int], problem: KnownProblem, deadline: float
    ) -> None:
        self._path, self._labels, self._problem, self._deadline = path, labels, problem, deadline
        self._seconds = 0.0
        self._true: list[tuple[float, ...]] = []
        self._trial_seconds: list[Any] = []
        self._told = 0
        self._rows: list[tuple[Any, ...]] = []

    def proposed(self, trials: Sequence[Trial], seconds: float) -> None:
        """See `Events.proposed`."""
        self._seconds = seconds

    def changed(self, trial: Trial) -> None:
        """See `Events.changed`."""
        self._trial_seconds.append(trial.metrics.get("seconds"))
        if trial.values is not None and not trial.metrics.get("diverged"):
            self._true.append(self._problem.goals.values(self._problem.true(trial.point)))

    def round_ended(self) -> None:
        """See `Events.round_ended`.

        Raises:
            OutOfTimeError: If the deadline has passed.
        """
        worst = self._problem.reference_point
        units = np.ones(1) if self._problem.reference is None else np.abs(worst)
        matrix = self._problem.goals.matrix([worst, *self._true], units)
        volume = hypervolume(matrix[1:], matrix[0])
        evaluated = len(self._trial_seconds)
        spent = f"{self._seconds:.2f}", self._seconds_of_trials(evaluated)
        self._rows.append((*self._labels, evaluated, f"{volume:.6g}", *spent))
        with self._path.open("w", newline="") as file:
            csv.writer(file).writerows([FIELDS, *self._rows])
        print(*self._rows[-1], flush=True)
        if time.time() > self._deadline:
            raise OutOfTimeError

    def _seconds_of_trials(self, evaluated: int) -> str:
        """Of this round's; empty where no trial tells."""
        known = [one for one in self._trial_seconds if one is not None]
        if not known:
            return ""
        own = self._trial_seconds[self._told : evaluated]
        self._told = evaluated
        return f"{sum(float(np.mean(known)) if one is None else one for one in own):.1f}"


def run_file(folder: Path, problem: str, method: str, seed: int) -> Path:
    """Where a run's results are kept."""
    return folder / "runs" / f"{problem}-{method}-{seed}.csv"


def read(path: Path) -> list[dict[str, str]]:
    """A run's rows; none if there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def is_complete(path: Path, budget: int) -> bool:
    """Whether a run has spent the budget."""
    rows = read(path)
    return bool(rows) and int(rows[-1]["evaluations"]) >= budget
