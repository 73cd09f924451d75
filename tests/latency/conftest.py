import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from latency.artifact import Artifact
from latency.device.host import HostDevice
from latency.runner.compile import build
from tests.latency.modules import export_tagger

ROOT = Path(__file__).parents[2]
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return export_tagger(tmp_path_factory.mktemp("artifact"))


@pytest.fixture(scope="session")
def program() -> Path:
    """The C++ runner; building it takes about 20 seconds once."""
    if shutil.which("cmake") is None or shutil.which("c++") is None:
        pytest.skip("needs CMake and a C++ compiler")
    return build()


@pytest.fixture(scope="module")
def host() -> Iterator[HostDevice]:
    with HostDevice(runner="python") as device:
        yield device


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Run `python -m MODULE OVERRIDES` with its run folders below `tmp_path`."""

    def run(
        module: str, *overrides: str, variables: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        arguments = [sys.executable, "-m", module, f"paths.outputs={tmp_path}", *overrides]
        environment = {**os.environ, "COLUMNS": "100", **(variables or {})}
        return subprocess.run(
            arguments, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    return run
