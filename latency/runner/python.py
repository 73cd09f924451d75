"""The runner in Python, for hosts where the C++ one is not built. Same options, same stream.

python -m latency.runner.python MODEL INPUTS --first=0 --runs=1000 --checked=50 --window=50 --tolerance=0.05
    --max-rounds=20 --threads=1 --cores=1
"""

import argparse
import gc
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
import torch.jit.mobile

from latency.artifact import output_checksum, read_inputs
from latency.runner.stream import RunReport, RunRequest, Warmup

Call = Callable[..., torch.Tensor]
Tensors = list[torch.Tensor]


def main(arguments: list[str], out_descriptor: int = 1) -> None:
    """Load, check, warm up, time, and write the stream to a file descriptor (stdout by default)."""
    options = _parser().parse_args(arguments)
    request = RunRequest(
        options.first,
        options.runs,
        options.checked,
        Warmup(options.window, options.tolerance, options.max_rounds),
    )
    if options.cores != "any":
        os.sched_setaffinity(0, [int(core) for core in options.cores.split(",")])
    torch.set_num_threads(options.threads)
    report = measure(options.model, options.inputs, request)
    with open(out_descriptor, "w", encoding="utf-8") as stream:
        stream.write(report.to_lines())


def measure(model: Path, inputs_file: Path, request: RunRequest) -> RunReport:
    """Time one artifact in this process.

    Args:
        model: `.pt` or `.ptl` file.
        inputs_file: recorded inputs, one JSON array a line.
        request: what to run.
    """
    inputs = [
        [torch.tensor(argument, dtype=torch.int64) for argument in call] for call in read_inputs(inputs_file)
    ]
    base_bytes = peak_bytes()
    started = time.perf_counter_ns()
    call = load(model)
    load_ns = time.perf_counter_ns() - started
    with torch.inference_mode():
        outputs = tuple(output_checksum(call(*arguments).tolist()) for arguments in inputs[: request.checked])
        # Nothing that exists by now is garbage, and collecting during the runs would be timed as the model's.
        gc.collect()
        gc.freeze()
        gc.disable()
        rounds, warm = warm_up(call, inputs[: request.warmup.window], request.warmup)
        order = [(request.first + run) % len(inputs) for run in range(request.runs)]
        ns = time_runs(call, [inputs[index] for index in order])
        gc.enable()
    interpreter = "lite interpreter" if model.suffix == ".ptl" else "TorchScript"
    return RunReport(
        runner="python",
        runtime=f"torch {torch.__version__}, {interpreter}",
        threads=torch.get_num_threads(),
        cores=tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else (),
        load_ns=load_ns,
        peak_bytes=peak_bytes(),
        warmup_runs=len(outputs) + rounds * min(request.warmup.window, len(inputs)),
        warm=warm,
        outputs=outputs,
        inputs=tuple(order),
        ns=tuple(ns),
        base_bytes=base_bytes,
    )


def load(model: Path) -> Call:
    """Load a TorchScript file by the loader that its suffix asks for."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`torch.jit", DeprecationWarning)
        if model.suffix == ".ptl":
            lite: Call = torch.jit.mobile._load_for_lite_interpreter(str(model))  # type: ignore[no-untyped-call]
            return lite
        full: Call = torch.jit.load(str(model), map_location="cpu").eval()  # type: ignore[no-untyped-call]
        return full


def warm_up(call: Call, inputs: list[Tensors], rule: Warmup) -> tuple[int, bool]:
    """Run rounds over the same inputs until two successive ones take equally long.

    Returns:
        Number of rounds and whether they converged.
    """
    previous = sum(time_runs(call, inputs))
    for done in range(2, rule.max_rounds + 1):
        current = sum(time_runs(call, inputs))
        if abs(current - previous) <= rule.tolerance * previous:
            return done, True
        previous = current
    return rule.max_rounds, False


def time_runs(call: Call, calls: list[Tensors]) -> list[int]:
    """Nanoseconds of each call's forward pass, and nothing else, in order."""
    clock = time.perf_counter_ns
    ns = [0] * len(calls)
    for run, arguments in enumerate(calls):
        before = clock()
        call(*arguments)
        ns[run] = clock() - before
    return ns


def peak_bytes() -> int | None:
    """Peak resident memory of this process in bytes, where /proc tells it."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return None
    peaks = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
    return int(peaks[0]) * 1024 if peaks else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Time a TorchScript file over recorded inputs.")
    parser.add_argument("model", type=Path)
    parser.add_argument("inputs", type=Path)
    for name in ("first", "runs", "checked", "window", "max-rounds", "threads"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--tolerance", type=float, required=True)
    parser.add_argument("--cores", required=True, help="comma-separated core numbers, or 'any'")
    return parser


if __name__ == "__main__":
    main(sys.argv[1:])
