"""What the engine itself costs a trial, and whether that grows with the number of trials.

    python scripts/engine_cost.py                            # 2,000 trials in memory
    python scripts/engine_cost.py --trials 300 --joblib      # a Hydra app with hydra/launcher=joblib

The task does nothing; so what is left is the engine and, for the app, Hydra, joblib and the disk. Prints
milliseconds a trial for the first and the second half of the trials.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import nas
from nas.execution.loop import Quiet
from nas.execution.outcomes import FOLDER
from nas.strategy.sobol import SobolStrategy
from paretoparse.cli import ArgumentParser, count, reported_errors

APP = """\
import hydra
@hydra.main(version_base="1.3", config_path=".", config_name="config")
def main(cfg):
    return {"gain": cfg.x, "cost": cfg.x + cfg.y}
main()
"""
CONFIG = """\
defaults: [_self_, {override hydra/sweeper: pareto}, {override hydra/launcher: joblib}]
hydra:
  sweep: {dir: sweep}
  sweeper:
    params: {+x: "interval(0, 1)", +y: "interval(0, 1)"}
    objectives: {gain: maximize, cost: minimize}
    strategy: {_target_: nas.strategy.sobol.SobolStrategy}
"""


class Trivial:
    """What the app does, as a `nas.problem.Problem`."""

    space = nas.parse_space({"x": "interval(0, 1)", "y": "interval(0, 1)"}, [])[0]
    goals = nas.Goals.of({"gain": "maximize", "cost": "minimize"})
    reference: dict[str, Any] | None = None

    def evaluate(self, point: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
        """See `Problem.evaluate`."""
        return {"gain": point["x"], "cost": point["x"] + point["y"]}


class Clock(Quiet):
    """Notes when each trial ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def changed(self, trial: nas.Trial) -> None:
        """See `Events.changed`."""
        self.ends.append(time.perf_counter())


def in_memory(trials: int) -> list[float]:
    """When each trial ended, in seconds from anywhere."""
    clock = Clock()
    nas.optimise(Trivial(), SobolStrategy(), nas.Plan(trials), events=clock)
    return clock.ends


def with_joblib(trials: int) -> list[float]:
    """The same of the jobs of an app."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "app.py").write_text(APP)
        (Path(folder) / "config.yaml").write_text(CONFIG)
        own = {"PYTHONPATH": str(Path(__file__).resolve().parents[1]), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "app.py", "-m", f"hydra.sweeper.budget={trials}"]
        subprocess.run(command, cwd=folder, env=os.environ | own, check=True, stdout=subprocess.DEVNULL)
        return [file.stat().st_mtime for file in (Path(folder) / "sweep" / FOLDER).glob("*.json")]


def main() -> None:
    """Run from the command line."""
    parser = ArgumentParser(description="Time the engine.")
    parser.add_argument("--trials", type=count, default=2000, help="at least 8")
    parser.add_argument("--joblib", action="store_true", help="a Hydra app with joblib, not in memory")
    options = parser.parse_args()
    if options.trials < 8:
        parser.error("--trials must be at least 8.")
    ends = sorted((with_joblib if options.joblib else in_memory)(options.trials))
    halves = [1e3 * np.diff(half).mean() for half in (ends[: len(ends) // 2], ends[len(ends) // 2 :])]
    print(f"{len(ends)} trials: {halves[0]:.2f} and {halves[1]:.2f} ms a trial")


if __name__ == "__main__":
    with reported_errors():
        main()
