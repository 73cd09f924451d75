"""What the harness itself costs: the floor of an empty module, and the C++ runner beside a bare C++ loop.

    python scripts/harness_overhead.py [--rounds 7] [--runs 2000]

Prints nanoseconds. The runners and the bare loop take turns, so that the machine's drifts meet all alike.
"""

import statistics
import subprocess
import tempfile
from pathlib import Path

import torch

from latency.artifact import Artifact
from latency.device.host import HostDevice
from latency.export import ExportSource, export
from latency.runner.compile import build, installed_torch
from latency.runner.stream import RunRequest, Warmup
from latency.statistics import percentile
from paretoparse.cli import ArgumentParser, count, reported_errors


class Empty(torch.nn.Module):
    """Does nothing."""

    def forward(self, pieces: torch.Tensor) -> torch.Tensor:
        """Return the argument."""
        return pieces


class Fixed(torch.nn.Module):
    """About a tenth of a millisecond of small matrix products, as a small parser's layers are."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding = torch.nn.Embedding(100, 160)
        self.layers = torch.nn.Sequential(*[torch.nn.Linear(160, 160) for _ in range(8)])

    def forward(self, pieces: torch.Tensor) -> torch.Tensor:
        """Class of each piece."""
        classes: torch.Tensor = self.layers(self.embedding(pieces)).argmax(1)
        return classes


def compile_bare_loop(folder: Path) -> Path:
    """Build `bare_loop.cpp` against the installed torch."""
    torch_folder = installed_torch()
    includes = [f"-I{torch_folder / 'include'}", f"-I{torch_folder / 'include/torch/csrc/api/include'}"]
    libraries = [f"-L{torch_folder / 'lib'}", f"-Wl,-rpath,{torch_folder / 'lib'}"]
    names = ["-Wl,--no-as-needed", "-ltorch", "-ltorch_cpu", "-lc10"]
    program = folder / "bare_loop"
    source = str(Path(__file__).with_name("bare_loop.cpp"))
    subprocess.run(
        ["g++", "-O3", "-std=c++20", "-w", *includes, source, *libraries, *names, "-o", str(program)],
        check=True,
    )
    return program


def run_bare_loop(program: Path, artifact: Artifact, folder: Path, runs: int, core: int) -> int:
    """Median of the bare loop, nanoseconds."""
    inputs = folder / "call.txt"
    inputs.write_text("\n".join(" ".join(map(str, argument)) for argument in artifact.inputs()[0]) + "\n")
    command = ["taskset", f"{1 << core:x}", str(program), str(artifact.path), str(inputs), str(runs)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Run from the command line."""
    parser = ArgumentParser(description="Measure what the harness costs.")
    parser.add_argument("--rounds", type=count, default=7)
    parser.add_argument("--runs", type=count, default=2000)
    options = parser.parse_args()
    build()
    request = RunRequest(first=0, runs=options.runs, checked=1, warmup=Warmup())
    with tempfile.TemporaryDirectory() as name, HostDevice(runner="cpp") as cpp:
        folder = Path(name)
        call = [[list(range(12))]]
        empty = export(ExportSource(Empty().eval(), call, {}), folder / "empty")
        fixed = export(ExportSource(Fixed().eval(), call, {}), folder / "fixed")
        with HostDevice(runner="python") as python:
            for device in (cpp, python):
                ns = device.run(empty, request).ns
                shown = ", ".join(f"p{percent} {percentile(ns, percent):.0f}" for percent in (1, 50, 99))
                print(f"empty module, {'cpp' if device is cpp else 'python'} runner: {shown} ns")
            bare_loop = compile_bare_loop(folder)
            medians: dict[str, list[float]] = {"bare loop": [], "cpp": [], "python": []}
            for _ in range(options.rounds):
                medians["bare loop"].append(
                    run_bare_loop(bare_loop, fixed, folder, options.runs, cpp.cores[0])
                )
                medians["cpp"].append(percentile(cpp.run(fixed, request).ns, 50))
                medians["python"].append(percentile(python.run(fixed, request).ns, 50))
    bare = statistics.median(medians["bare loop"])
    for runner, values in medians.items():
        middle = statistics.median(values)
        print(
            f"fixed module, {runner}: median {middle:.0f} ns ({100 * (middle / bare - 1):+.1f} %), all "
            f"{values}"
        )


if __name__ == "__main__":
    with reported_errors():
        main()
