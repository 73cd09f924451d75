import contextlib
import csv
import io
import json
import logging
import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hydra.core.global_hydra import GlobalHydra

from nas.space import Space
from nas.space.syntax import parse_space
from nas.study import Goals, Proposal, Study, Suggestion

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

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = os.environ | {
            "PYTHONPATH": f"{ROOT}{os.pathsep}{TOY}",
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "160",
        }

    def command(self, *overrides: str) -> list[str]:
        return [sys.executable, str(TOY / "app.py"), f"hydra.sweep.dir={self.folder}", *overrides]

    def run(self, *overrides: str) -> "subprocess.CompletedProcess[str]":
        """As a user does, but in this process: starting Python and importing torch takes longest."""
        command = self.command(*overrides)[1:]
        out, err = io.StringIO(), io.StringIO()
        loggers = logging.getLogger().handlers[:]
        with (
            mock.patch.object(sys, "argv", command),
            mock.patch.object(sys, "path", [str(TOY), *sys.path]),
            mock.patch.dict(os.environ, {"COLUMNS": "160"}),
            contextlib.chdir(self.folder.parent),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            GlobalHydra.instance().clear()
            try:
                runpy.run_path(command[0], run_name="__main__")
                code = 0
            except SystemExit as end:
                code = int(end.code or 0)
        logging.getLogger().handlers[:] = loggers
        return subprocess.CompletedProcess(command, code, out.getvalue(), err.getvalue())

    def run_process(self, *overrides: str) -> "subprocess.CompletedProcess[str]":
        """In a process of its own, which the job may end."""
        return subprocess.run(
            self.command(*overrides),
            cwd=self.folder.parent,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def start(self, *overrides: str) -> subprocess.Popen[str]:
        # Into a file: the workers of a killed search would hold a pipe open until they notice.
        with (self.folder.parent / "output").open("w") as output:
            return subprocess.Popen(
                self.command(*overrides),
                cwd=self.folder.parent,
                env=self.env,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def rows(self, name: str = "trials") -> list[dict[str, str]]:
        with (self.folder / f"{name}.csv").open() as file:
            return list(csv.DictReader(file))

    def runs(self) -> list[int]:
        """The numbers of the jobs that began, in order."""
        log = self.folder / "runs.log"
        return [int(line) for line in log.read_text().split()] if log.exists() else []

    def metrics(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "metrics.json").read_text()))


@pytest.fixture
def toy(tmp_path: Path, hydra_restore_singletons: None) -> Toy:
    return Toy(tmp_path / "sweep")


@pytest.fixture
def space() -> Space:
    return parse_space(PARAMS, [])[0]


@pytest.fixture
def goals() -> Goals:
    return Goals.of({"accuracy": "maximize", "latency": "minimize"})


@pytest.fixture
def study(space: Space, goals: Goals) -> Study:
    return Study(space, goals)


def evaluate(point: Mapping[str, Any]) -> dict[str, float]:
    """A smooth trade-off: width and layers give accuracy and cost time."""
    size = float(np.log(point["layers"] * point["width"]))
    return {
        "accuracy": size - 4 * (point["x"] - 0.7) ** 2 + (point["act"] == "gelu"),
        "latency": 1 + 0.1 * point["layers"] + point["width"] / 100,
    }


def draw_points(space: Space, count: int, seed: int = 0) -> list[dict[str, Any]]:
    return space.decode(np.random.default_rng(seed).random((count, space.dimension)))


Fill = Callable[..., None]


@pytest.fixture
def fill() -> Fill:
    """Adds a round of completed trials to a study: points, or so many drawn ones."""

    def add(
        study: Study, points: int | list[dict[str, Any]], origin: str = "sobol", reference: bool = False
    ) -> None:
        if isinstance(points, int):
            points = draw_points(study.space, points, seed=len(study))
        proposals = [Proposal(point, origin) for point in points]
        if reference:
            proposals[0] = Proposal(points[0], "reference")
        for trial in study.add(Suggestion(tuple(proposals))):
            study.complete(trial.number, evaluate(trial.point), seconds=1.0)

    return add
