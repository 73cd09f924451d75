import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas.space import Space
from nas.study import Definition, Study, create_study, storage_url
from nas.sweep_syntax import parse_space

ROOT = Path(__file__).parents[2]
TOY = Path(__file__).parent / "toy"
PARAMS = {
    "x": "interval(0.0, 1.0)",
    "lr": "tag(log, interval(1e-4, 1e-2))",
    "layers": "int(interval(1, 6))",
    "width": "range(16, 129, 16)",
    "heads": "choice(1, 2, 4, 8)",
    "act": "choice(relu, gelu, silu)",
}


class Toy:
    """Runs the toy app in a folder as a user would."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.env = os.environ | {
            "PYTHONPATH": f"{ROOT}{os.pathsep}{TOY}",
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "160",
        }

    def command(self, *overrides: str) -> list[str]:
        return [sys.executable, str(TOY / "app.py"), f"hydra.sweep.dir={self.directory}", *overrides]

    def run(self, *overrides: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*overrides),
            cwd=self.directory.parent,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def start(self, *overrides: str) -> subprocess.Popen[str]:
        # Into a file: the workers of a killed search would hold a pipe open until they notice.
        with (self.directory.parent / "output").open("w") as output:
            return subprocess.Popen(
                self.command(*overrides),
                cwd=self.directory.parent,
                env=self.env,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def rows(self, name: str = "trials") -> list[dict[str, str]]:
        with (self.directory / f"{name}.csv").open() as file:
            return list(csv.DictReader(file))

    def runs(self) -> list[int]:
        """The numbers of the jobs that began, in order."""
        log = self.directory / "runs.log"
        return [int(line) for line in log.read_text().split()] if log.exists() else []

    def metrics(self) -> dict[str, Any]:
        return dict(json.loads((self.directory / "metrics.json").read_text()))


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(tmp_path / "sweep")


@pytest.fixture
def space() -> Space:
    return parse_space(PARAMS, [])[0]


def make_definition(space: Space, **changes: Any) -> Definition:
    settings = {
        "space": space.describe(),
        "objectives": {"accuracy": "maximize", "latency": "minimize"},
        "reference": None,
        "seed": 0,
        "initial": 8,
        "batch_size": 4,
        "strategy": "s",
    }
    return Definition(**(settings | changes))


@pytest.fixture
def make_study(tmp_path: Path, space: Space) -> Callable[..., Study]:
    def make(**changes: Any) -> Study:
        return create_study(make_definition(space, **changes), storage_url(tmp_path), "search")

    return make


def evaluate(point: dict[str, Any]) -> dict[str, float]:
    """A smooth trade-off: width and layers give accuracy and cost time."""
    size = float(np.log(point["layers"] * point["width"]))
    return {
        "accuracy": size - 4 * (point["x"] - 0.7) ** 2 + (point["act"] == "gelu"),
        "latency": 1 + 0.1 * point["layers"] + point["width"] / 100,
    }


Fill = Callable[..., None]


@pytest.fixture
def fill(space: Space) -> Fill:
    """Adds completed trials to a study."""

    def add(study: Study, points: list[dict[str, Any]], origin: str = "sobol", batch: int = 0) -> None:
        first = len(study)
        for point in points:
            study.propose(point, origin, batch, space)
        study.start_waiting()
        for number, point in enumerate(points, first):
            study.complete(number, evaluate(point), 1.0)

    return add
