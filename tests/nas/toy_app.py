"""The toy app, run as a user would."""

import contextlib
import csv
import io
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

from tests.composing import ROOT
from tests.in_process import exit_code

TOY = Path(__file__).parent / "toy"
# Launchers, and what ends a search with its first round.
JOBLIB = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
SOBOL_ONLY = ("hydra.sweeper.budget=6",)


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
        with (
            mock.patch.object(sys, "argv", command),
            mock.patch.object(sys, "path", [str(TOY), *sys.path]),
            mock.patch.dict(os.environ, {"COLUMNS": "160"}),
            contextlib.chdir(self.folder.parent),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = exit_code(lambda: runpy.run_path(command[0], run_name="__main__"))
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

    def states(self) -> list[str]:
        """Of all trials, in order."""
        return [row["state"] for row in self.rows()]
