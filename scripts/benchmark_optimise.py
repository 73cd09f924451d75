"""Whole optimisations, strategy against strategy: `python scripts/benchmark_bo.py part=optimise`.

Options: `problems=[branin_currin,dtlz2,simulated_search]`,
`methods=[saasbo,gp,map_saas,sobol,tpe,nsga2,gpsampler]` (also `ax`), `seeds=5`, `budget=240`, `q=16`,
`workers=2` runs at once, `hours=24` after which no further batch is begun, `output=DIR`, and
`baseline_python=PATH`, an interpreter with Ax.

Every run of a seed starts with the same q points (Sobol points, and the reference model where there is one)
and goes on in batches of q. A run's file in DIR has the hypervolume after each batch, of the values without
noise, and the seconds that proposing it took; a run whose file is complete is not repeated.
"""

import csv
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from omegaconf import DictConfig, OmegaConf
from optimise_problems import PROBLEMS, ROOT, Problem

from nas.pareto import hypervolume
from nas.space import Point

FIELDS = ("problem", "method", "seed", "evaluations", "hypervolume", "seconds")
OURS = ("saasbo", "gp", "map_saas", "sobol")
SAMPLERS = {
    "tpe": ("TPESampler", {"constant_liar": True}),
    # A population is a batch.
    "nsga2": ("NSGAIISampler", {"population_size": 16}),
    "gpsampler": ("GPSampler", {}),
}
METHODS = (*OURS, *SAMPLERS, "ax")
Values = list[tuple[float, float]]


def optimise(config: DictConfig) -> int:
    """Make all runs that are not there yet; or, as a worker, one."""
    folder = Path(config.output or ROOT / "docs" / "benchmarks")
    unknown = (set(config.problems) - PROBLEMS.keys()) | (set(config.methods) - set(METHODS))
    if unknown:
        print(f"error: not known: {', '.join(sorted(unknown))}.", file=sys.stderr)
        return 1
    (folder / "runs").mkdir(parents=True, exist_ok=True)
    if config.side is not None:
        run(config, config.problems[0], config.side, config.seed, folder)
        return 0
    runs = [
        (problem, method, seed)
        for seed in range(config.seeds)
        for problem in config.problems
        for method in config.methods
        if len(read(run_file(folder, problem, method, seed))) < config.budget // config.q
    ]
    deadline = time.time() + 3600 * config.hours
    with ThreadPoolExecutor(config.workers) as pool:
        failed = sum(pool.map(lambda one: start_worker(config, *one, folder, deadline), runs))
    return 1 if failed else 0


def start_worker(
    config: DictConfig, problem: str, method: str, seed: int, folder: Path, deadline: float
) -> bool:
    """Make one run in a process of its own; returns whether it failed."""
    if time.time() > deadline:
        return False
    python = config.baseline_python if method == "ax" else sys.executable
    options = [f"{key}={config[key]}" for key in ("budget", "q")]
    options += [f"problems=[{problem}]", f"side={method}", f"seed={seed}", f"output={folder}"]
    script = str(ROOT / "scripts" / "benchmark_bo.py")
    left = [f"hours={(deadline - time.time()) / 3600}"]
    command = [python, script, "part=optimise", *options, *left]
    # Runs side by side share the cores.
    cores = str(max(1, (os.cpu_count() or 1) // config.workers))
    own = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": cores, "LOKY_MAX_CPU_COUNT": cores}
    done = subprocess.run(command, env=os.environ | own, check=False)
    return done.returncode != 0


def run(config: DictConfig, problem_name: str, method: str, seed: int, folder: Path) -> None:
    """One optimisation; its file is written anew after every batch."""
    logging.basicConfig(level=logging.WARNING)
    problem = PROBLEMS[problem_name]()
    rng = np.random.default_rng(seed)
    optimiser = make_optimiser(method, problem, seed, config.q)
    true: Values = []
    told: list[Point] = []
    observed: Values = []
    rows = []
    deadline = time.time() + 3600 * config.hours
    while len(true) < config.budget and time.time() < deadline:
        began = time.perf_counter()
        points = list(optimiser(told, observed))
        seconds = time.perf_counter() - began
        told, observed = points, [problem.observe(point, rng) for point in points]
        true += [problem.evaluate(point) for point in points]
        volume = hypervolume(np.array(true), np.array(problem.reference))
        rows.append((problem_name, method, seed, len(true), f"{volume:.6g}", f"{seconds:.2f}"))
        with run_file(folder, problem_name, method, seed).open("w", newline="") as file:
            csv.writer(file).writerows([FIELDS, *rows])
        print(*rows[-1], flush=True)


def run_file(folder: Path, problem: str, method: str, seed: int) -> Path:
    """Where a run's results are kept."""
    return folder / "runs" / f"{problem}-{method}-{seed}.csv"


def read(path: Path) -> list[dict[str, str]]:
    """A run's rows; none if there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


# An optimiser is told the last batch's points and objectives, none at first, and gives the next batch.
Optimiser = Callable[[Sequence[Point], Sequence[tuple[float, float]]], Iterable[Point]]


def make_optimiser(method: str, problem: Problem, seed: int, q: int) -> Optimiser:
    """The optimiser of that name."""
    if method in OURS:
        return strategy_optimiser(method, problem, seed, q)
    return ax_optimiser(problem, seed, q) if method == "ax" else optuna_optimiser(method, problem, seed, q)


def strategy_optimiser(method: str, problem: Problem, seed: int, q: int) -> Optimiser:
    """One of this project's strategies, as `conf/strategy` sets it up, over a study in memory."""
    from hydra.utils import instantiate

    from nas.study import Definition, TrialState, create_study

    strategy = instantiate(OmegaConf.load(ROOT / "conf" / "strategy" / f"{method}.yaml"), _recursive_=False)
    objectives = {"first": "maximize", "second": "maximize"}
    definition = Definition(problem.space.describe(), objectives, None, seed, q, q, method)
    study = create_study(definition, "sqlite:///:memory:", "benchmark")
    study.reference_point = lambda: np.array(problem.reference)  # type: ignore[method-assign]

    def suggest(told: Sequence[Point], observed: Sequence[tuple[float, float]]) -> Iterable[Point]:
        for trial, (first, second) in zip(study.trials(TrialState.RUNNING), observed, strict=True):
            study.complete(trial.number, {"first": first, "second": second}, 0.0)
        if told:
            points = [proposal.point for proposal in strategy.suggest(study, problem.space, q, seed=seed)]
        else:
            points = problem.initial(q, seed)
        for point in points:
            study.propose(point, method, study.batch_of(len(study)), problem.space)
        study.start_waiting()
        return points

    return suggest


def optuna_optimiser(method: str, problem: Problem, seed: int, q: int) -> Optimiser:
    """An Optuna sampler in its own study, started with the same Sobol points."""
    import optuna

    from nas.study import distribution

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    name, options = SAMPLERS[method]
    study = optuna.create_study(
        directions=["maximize", "maximize"], sampler=getattr(optuna.samplers, name)(seed=seed, **options)
    )
    distributions = {parameter.name: distribution(parameter) for parameter in problem.space.parameters}
    running: list[optuna.Trial] = []

    def suggest(told: Sequence[Point], observed: Sequence[tuple[float, float]]) -> Iterable[Point]:
        for trial, values in zip(running, observed, strict=True):
            study.tell(trial, values)
        if not told:
            for point in problem.initial(q, seed):
                study.enqueue_trial(point)
        running[:] = [study.ask(distributions) for _ in range(q)]
        return [trial.params for trial in running]

    return suggest


def ax_optimiser(problem: Problem, seed: int, q: int) -> Optimiser:
    """Ax's client with `method="quality"`, started with the same Sobol points."""
    from ax.api.client import Client
    from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

    from nas.space import IntegerParameter, OrderedParameter

    parameters: list[RangeParameterConfig | ChoiceParameterConfig] = []
    for one in problem.space.parameters:
        if isinstance(one, OrderedParameter):
            parameters.append(
                ChoiceParameterConfig(
                    name=one.name, values=list(one.values), parameter_type="int", is_ordered=True
                )
            )
            continue
        integer = isinstance(one, IntegerParameter)
        parameters.append(
            RangeParameterConfig(
                name=one.name,
                bounds=(one.low, one.high),
                parameter_type="int" if integer else "float",
                step_size=one.step if integer and one.step > 1 else None,
                scaling="log" if one.log else None,
            )
        )
    client = Client(random_seed=seed)
    client.configure_experiment(parameters=parameters)
    constraints = [f"{name} >= {value}" for name, value in zip("ab", problem.reference, strict=True)]
    client.configure_optimization(objective="a, b", outcome_constraints=constraints)
    client.configure_generation_strategy(method="quality", initialization_budget=q)
    running: list[int] = []

    def suggest(told: Sequence[Point], observed: Sequence[tuple[float, float]]) -> Iterable[Point]:
        for index, (first, second) in zip(running, observed, strict=True):
            client.complete_trial(index, raw_data={"a": first, "b": second})
        if not told:
            points = problem.initial(q, seed)
            running[:] = [client.attach_trial(point) for point in points]
            return points
        trials = client.get_next_trials(max_trials=q)
        running[:] = list(trials)
        return list(trials.values())

    return suggest
