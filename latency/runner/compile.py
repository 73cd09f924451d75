"""Build the C++ runner for this machine against the installed torch: `python -m latency.runner.compile`."""

import importlib.metadata
import importlib.util
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from latency.errors import RunnerBuildError
from paretoparse.cli import ArgumentParser, plain_main

SOURCE = Path(__file__).parent


def built_runner() -> Path:
    """Where the runner for the installed torch lies, built or not; another torch's runner lies elsewhere."""
    return SOURCE / "build" / f"torch-{importlib.metadata.version('torch')}" / "latency_runner"


def installed_torch() -> Path:
    """Folder of the installed torch, without importing it.

    Raises:
        RunnerBuildError: there is none.
    """
    torch = importlib.util.find_spec("torch")
    if torch is None or torch.origin is None:
        raise RunnerBuildError("torch is not installed; install it before building the runner.")
    return Path(torch.origin).parent


def build() -> Path:
    """Configure and build; does nothing when the runner is up to date.

    Returns:
        The runner's path.

    Raises:
        RunnerBuildError: CMake or a C++ compiler is missing, or the build fails.
    """
    runner = built_runner()
    if shutil.which("cmake") is None:
        raise RunnerBuildError(
            "CMake is missing; install it (e.g. apt-get install cmake g++) to build the runner."
        )
    prefix = installed_torch() / "share" / "cmake"
    folder = str(runner.parent)
    configure = ["cmake", "-S", str(SOURCE), "-B", folder, f"-DCMAKE_PREFIX_PATH={prefix}"]
    for command in (configure, ["cmake", "--build", folder]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            errors = [line for line in (done.stdout + done.stderr).splitlines() if "rror" in line]
            reason = errors[0].strip() if errors else f"exit code {done.returncode}"
            raise RunnerBuildError(
                f"The runner could not be built ({reason}); is a C++20 compiler installed?"
            )
    return runner


def main(arguments: Sequence[str]) -> None:
    """Build and print the runner's path."""
    ArgumentParser(prog="python -m latency.runner.compile").parse_args(arguments)
    print(build())


if __name__ == "__main__":
    plain_main(main, __doc__)
