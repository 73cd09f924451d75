"""Studies of trainings that never were: the simulated parser's, in the folders that searches write."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas import Goals, Plan
from nas.benchmark.nlu24 import NLU24
from nas.benchmark.nlu24.data import OBJECTIVES
from nas.benchmark.nlu24.table import pass_name
from nas.benchmark.simulated import PARAMETERS, REFERENCE, accuracy, latency
from nas.execution.loop import Loop
from nas.execution.memory import MemoryExecutor
from nas.report.tables import write_tables
from nas.space import Point
from nas.space.syntax import parse_space
from nas.strategy import Strategy
from nas.strategy.sobol import SobolStrategy
from nas.study.store import Definition, open_or_create

PASSES = 4
# Standard deviations of the noise: of the logit of the exact match, of the logarithms of the others.
NOISE = {"exact_match": 0.04, "latency_p99_ratio": 0.02, "seconds": 0.05}
# Learning rates beyond this fail, and so much of the rest diverges.
FAILING_RATE, DIVERGED = 7e-3, 0.05
SPACE, _ = parse_space(PARAMETERS, [])


def true(point: Point) -> dict[str, float]:
    """Exact match in percent, latency as a ratio to the reference's and seconds, without noise."""
    ratio = latency(point) / latency(REFERENCE)
    return {
        "exact_match": 100 * accuracy(point),
        "latency_p99_ratio": ratio,
        "seconds": 20 + 27 * ratio,
    }


def train(point: Point, seed: int) -> dict[str, Any]:
    """Metrics of a training."""
    rng = np.random.default_rng(seed)
    learning_rate = float(point["optim.lr"])  # type: ignore[arg-type]
    if learning_rate > FAILING_RATE:
        raise FloatingPointError("/home/someone/data.tsv: the loss is not finite.")
    found = true(point)
    share = found["exact_match"] / 100
    logit = np.log(share / (1 - share)) + NOISE["exact_match"] * rng.standard_normal()
    exact_match = float(100 / (1 + np.exp(-logit)))
    if rng.random() < DIVERGED and point["optim.lr"] != REFERENCE["optim.lr"]:
        exact_match = 0.5
    ratio = found["latency_p99_ratio"] * float(np.exp(NOISE["latency_p99_ratio"] * rng.standard_normal()))
    by_pass = {pass_name(k): exact_match * (1 - 0.5 ** (k + 1)) for k in range(1, PASSES)}
    return {
        "exact_match": exact_match,
        "latency_p99_ratio": ratio,
        "latency_p99_ratio_se": NOISE["latency_p99_ratio"] * ratio,
        "seconds": found["seconds"] * float(np.exp(NOISE["seconds"] * rng.standard_normal())),
        "epochs": PASSES,
        **by_pass,
        pass_name(PASSES): exact_match,
        "parser": "/home/someone/parser.pt",
        "marks": "",
    }


def make_study(
    folder: Path,
    *,
    strategy: Strategy | None = None,
    name: str = "sobol",
    seed: int = 0,
    budget: int = 40,
    confirm: int = 1,
    configuration: Mapping[str, Any] | None = None,
    knows: Callable[[int, int], bool] = lambda number, passes: True,
) -> Path:
    """Searches in memory, and leaves what `python -m nas.search` leaves but for the trials' own folders.

    `knows` says of a trial's number and a pass whether the exact match after it is among the metrics.
    """
    folder.mkdir(parents=True)
    goals = Goals.of(OBJECTIVES)
    plan = Plan(
        budget,
        16,
        8,
        seed=seed,
        max_failure_rate=1.0,
        confirm=confirm,
        seed_key="seed",
    )
    configuration = {"seed": 1, "data": {"root": f"/home/someone/{name}"}, **(configuration or {})}
    definition = Definition(
        space=SPACE.describe(),
        goals=goals.describe(),
        reference=REFERENCE,
        plan={"seed": seed, "initial": plan.initial, "batch_size": plan.batch_size},
        settings={"strategy": {"name": name}, "measure": None, "configuration": configuration},
    )
    study = open_or_create(folder, definition, None, None, accept_changes=False)

    def evaluate(point: Point, number: int) -> Mapping[str, Any]:
        metrics = train(point, 1000 * seed + number)
        unknown = {pass_name(passes) for passes in range(1, PASSES + 1) if not knows(number, passes)}
        return {name: value for name, value in metrics.items() if name not in unknown}

    executor = MemoryExecutor(evaluate, goals.names)
    Loop(study, strategy or SobolStrategy(), executor, plan, reference=REFERENCE).run()
    write_tables(study, folder, fit=False)
    return folder


def check_test_scores(bench: NLU24, quality: Mapping[str, Any], *, least_r2: float) -> None:
    """Check that the test split is predicted as well as the data's quality says, and well enough."""
    held = [run for run in bench.runs if run.split == "test" and run.succeeded]
    predicted = bench.predict([run.point for run in held])
    for name in OBJECTIVES:
        observed = np.array([run.metrics[name] for run in held])
        rmse = float(np.sqrt(np.mean((predicted[name] - observed) ** 2)))
        assert rmse == pytest.approx(quality["test"][name]["rmse"])
        assert quality["test"][name]["r2"] > least_r2
