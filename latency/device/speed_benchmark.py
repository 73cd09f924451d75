"""The official Android build of PyTorch's `speed_benchmark_torch` as the program that runs on the phone.

It times one bundled input a process and writes text (pytorch/pytorch, binaries/speed_benchmark_torch.cc):

     3                           <- the output, where --print_output asks for it
    [ CPULongType{1} ]
    Starting benchmark.
    Running warmup runs.
    Main runs.
    PyTorchObserver {"type": "NET", "unit": "us", "metric": "latency", "value": "8345"}
    ...                          <- one line a run, whole microseconds, from 1 s on as 1.23457e+06
    Main run finished. Microseconds per iter: 8350.1. Iters per second: 119.759

That carries no checksum, so the phone's shell writes the text's SHA-256 in front of it: what is damaged on
its way is recognised, as it is with the other runners' seal. Imports neither torch nor adb.
"""

import hashlib
import re
import shlex
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from latency.artifact import Artifact, output_checksum, sha256
from latency.bundle_manifest import Bundle
from latency.errors import DeviceConfigError, StreamError
from latency.runner.stream import RunReport, RunRequest

NAME = "speed_benchmark_torch"

Execute = Callable[[str, str], bytes]
"""Runs the program on the phone with these arguments, then a shell command; returns the standard output."""

HEADING = ["Starting benchmark.", "Running warmup runs.", "Main runs."]
# As C++ prints a float by default: at most six digits that count.
NUMBER = r"[0-9]{1,6}(?:\.[0-9]{1,9})?(?:e[+-][0-9]{2})?"
OBSERVER = re.compile(
    rf'PyTorchObserver {{"type": "NET", "unit": "us", "metric": "latency", "value": "({NUMBER})"}}'
)
SUMMARY = re.compile(rf"Main run finished\. Microseconds per iter: {NUMBER}\. Iters per second: {NUMBER}")


@dataclass(frozen=True)
class Answer:
    """What one process has said.

    Attributes:
        ns: nanoseconds of each run, in order.
        output: checksum of the module's output (see `latency.artifact.output_checksum`); None where it was
            not asked for.
    """

    ns: tuple[int, ...]
    output: str | None


def open_binary(binary: str | None) -> Bundle:
    """Take the program's file as a bundle of one file.

    Raises:
        DeviceConfigError: none was named, or there is no such file.
    """
    path = None if binary is None else Path(binary)
    if path is None or not path.is_file():
        found = "none was named" if path is None else f"there is none at '{path}'"
        raise DeviceConfigError(
            f"device.runner={NAME} needs its Android build, and {found}; set device.binary=FILE."
        )
    return Bundle(path.parent, None, None, (f"./{path.name}",), {path.name: sha256(path)})


def measure(
    execute: Execute,
    binary: Bundle,
    folder: str,
    artifact: Artifact,
    request: RunRequest,
    cores: Sequence[int],
) -> RunReport:
    """Time an artifact, one process for each bundled input, which together make the request's runs.

    The program has a fixed warm-up, of `request.warmup.window` runs in each process; the runs count as warm
    when their first and second halves take equally long. It has no option for threads, so the cores that it
    may use bound them.

    Args:
        execute: runs the program on the phone.
        binary: the program, whose identity stands for the version of PyTorch that it does not tell.
        folder: the artifact's folder on the phone.
        artifact: an artifact with bundled inputs, by its `.ptl`.
        request: what to run; its inputs are taken from the bundled ones.
        cores: the cores that the program may use, at least one.

    Raises:
        DeviceConfigError: the artifact has no bundled inputs, or the cores are left to the phone.
        StreamError: an answer is damaged, or is not what was asked for.
    """
    bundled, window = artifact.bundled_count, request.warmup.window
    if artifact.file != artifact.lite_path or bundled == 0:
        raise DeviceConfigError(
            f"device.runner={NAME} needs a .ptl with bundled inputs, which '{artifact.file.name}' is not; "
            "export it with bundled_inputs=N and measure its .ptl file."
        )
    if not cores:
        raise DeviceConfigError(
            f"{NAME} has no option for its threads, only cores bound them; set device.cores to auto or a "
            "list."
        )
    asked = Counter((request.first + run) % bundled for run in range(request.runs))
    answers = []
    for index in range(bundled):
        checked = index < request.checked
        if not asked[index] and not checked:
            continue
        # One whose output alone is wanted is run once all the same, and its time is not used.
        runs = max(1, asked[index])
        arguments = command_line(f"{folder}/{artifact.file.name}", index, runs, window, checked)
        text = shlex.quote(f"{folder}/said")
        sealed = execute(f"{arguments} > {text}", f"sha256sum < {text}; cat {text}")
        answers.append((index, parse_answer(unseal(sealed), runs, checked)))
    timed = [(index, answer.ns) for index, answer in answers if asked[index]]
    return RunReport(
        runner=NAME,
        runtime=f"{NAME} {binary.identity}",
        threads=len(cores),
        cores=tuple(cores),
        load_ns=None,
        peak_bytes=None,
        warmup_runs=window * len(answers),
        warm=halves_agree([ns for _, ns in timed], request.warmup.tolerance),
        outputs=tuple(answer.output for _, answer in answers if answer.output is not None),
        inputs=tuple(index for index, ns in timed for _ in ns),
        ns=tuple(value for _, ns in timed for value in ns),
    )


def command_line(model: str, index: int, runs: int, warmup: int, checked: bool) -> str:
    """The program's options for one bundled input, for a shell; it knows the form `--name=value` alone."""
    flags = {
        "model": model,
        "use_bundled_input": index,
        "iter": runs,
        "warmup": warmup,
        "report_pep": "true",
        "print_output": "true" if checked else "false",
    }
    return shlex.join(f"--{name}={value}" for name, value in flags.items())


def unseal(data: bytes) -> str:
    """Part the program's text from the SHA-256 line before it.

    Raises:
        StreamError: they do not fit.
    """
    first, _, text = data.partition(b"\n")
    if first.split()[:1] != [hashlib.sha256(text).hexdigest().encode()]:
        raise StreamError(
            f"The answer of {NAME} was damaged on its way (its checksum does not fit); measure again."
        )
    try:
        return text.decode("ascii")
    except UnicodeDecodeError as error:
        raise StreamError(f"The answer of {NAME} is not plain text; measure again.") from error


def parse_answer(text: str, runs: int, checked: bool) -> Answer:
    """Read what one process has said.

    Args:
        text: its standard output.
        runs: how many timed runs it was asked for.
        checked: whether it was asked to print the module's output.

    Raises:
        StreamError: the text has another form, or another number of runs.
    """
    lines = text.removesuffix("\n").split("\n")
    if HEADING[0] not in lines:
        raise StreamError(f"{NAME} did not start its benchmark; try the binary with 'adb shell'.")
    start = lines.index(HEADING[0])
    printed, heading, observed = lines[:start], lines[start : start + 3], lines[start + 3 : -1]
    if heading != HEADING or SUMMARY.fullmatch(lines[-1]) is None or not text.endswith("\n"):
        raise StreamError(
            f"The answer of {NAME} is not whole, so it or the connection broke off; measure again."
        )
    found = [OBSERVER.fullmatch(line) for line in observed]
    ns = tuple(int(Decimal(match[1]) * 1000) for match in found if match is not None)
    if None in found or min(ns, default=0) <= 0:
        raise StreamError(f"A line of the answer of {NAME} is not a run that took time; measure again.")
    if len(ns) != runs:
        raise StreamError(f"{NAME} was asked for {runs} runs and reported {len(ns)}; measure again.")
    if printed and not checked:
        raise StreamError(f"{NAME} printed '{printed[0]}' before its benchmark; use the official build.")
    return Answer(ns, printed_checksum(printed) if checked else None)


def printed_checksum(lines: Sequence[str]) -> str:
    """The checksum of a 1-D int64 tensor that C++ has printed: a value a line, then its type and size.

    Raises:
        StreamError: the lines have another form.
    """
    size = re.fullmatch(r"\[ CPULongType\{([0-9]{1,9})\} \]", lines[-1]) if lines else None
    values = [line.strip(" ") for line in lines[:-1]]
    proper = all(re.fullmatch(r"-?[0-9]{1,18}", value) for value in values)
    if size is None or not proper or len(values) != int(size[1]):
        raise StreamError(f"The output that {NAME} printed is not one 1-D int64 tensor; measure again.")
    return output_checksum([int(value) for value in values])


def halves_agree(runs: Sequence[Sequence[int]], tolerance: float) -> bool:
    """Whether the first and second halves of each input's runs together took equally long.

    Args:
        runs: nanoseconds of each run, by input; the middle one of an odd number is left out.
        tolerance: largest difference that counts as equal, as a share of the first halves.
    """
    first = sum(sum(ns[: len(ns) // 2]) for ns in runs)
    second = sum(sum(ns[(len(ns) + 1) // 2 :]) for ns in runs)
    return first > 0 and abs(second - first) <= tolerance * first
