"""This machine as a device: a fresh, pinned process for every request."""

import os
import platform
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from latency.artifact import Artifact
from latency.device import Device
from latency.device.cores import fastest_cores
from latency.errors import DeviceConfigError, DeviceError
from latency.runner.compile import built_runner
from latency.runner.process import ProgramRunner, PythonRunner, Runner
from latency.runner.stream import RunReport, RunRequest
from paretoparse.checks import COUNT, Range

CPUS = Path("/sys/devices/system/cpu")


class HostDevice(Device):
    """Runs artifacts in processes of this machine."""

    def __init__(
        self,
        threads: int = 1,
        cores: Literal["auto"] | list[int] | None = "auto",
        runner: str = "auto",
        timeout: float = 300.0,
    ) -> None:
        """Set up; nothing is started before `__enter__`.

        Args:
            threads: threads within an operator, at least 1.
            cores: `auto` takes the fastest cores, one a thread; a list names them; None leaves it to the
                system.
            runner: `cpp` (built by `make runner`), `python`, or `auto`: the C++ one where it is built.
            timeout: seconds after which a request counts as stuck, more than 0.

        Raises:
            DeviceConfigError: a value is out of range, or names a core or runner that cannot be used.
        """
        COUNT.check("device.threads", threads, DeviceConfigError)
        Range(above=True).check("device.timeout", timeout, DeviceConfigError)
        if runner not in ("auto", "cpp", "python"):
            raise DeviceConfigError(f"device.runner must be auto, cpp or python; got '{runner}'.")
        if runner == "cpp" and not built_runner().is_file():
            raise DeviceConfigError(
                "The C++ runner is not built for the installed torch; build it with 'make runner', "
                "or set device.runner=python."
            )
        self.threads = threads
        self.timeout = timeout
        self.cores = _choose_cores(cores, threads)
        self.use_program = runner == "cpp" or (runner == "auto" and built_runner().is_file())
        self.runner: Runner | None = None

    def __enter__(self) -> Self:
        """Take the runner; its process starts with the first request."""
        self.runner = ProgramRunner(built_runner()) if self.use_program else PythonRunner()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the runner."""
        if self.runner is not None:
            self.runner.close()
            self.runner = None

    def describe(self) -> dict[str, Any]:
        """Kind, processor model, system, cores and threads."""
        return {
            "device": "host",
            "model": processor(),
            "system": platform.platform(),
            "cores": self.cores,
            "threads": self.threads,
        }

    def run(self, artifact: Artifact, request: RunRequest) -> RunReport:
        """Time an artifact in a fresh process.

        Raises:
            DeviceError: the device is not open.
            RunnerCrashError: the process ended with an error.
            RunnerTimeoutError: it took longer than the time-out.
            StreamError: its answer is truncated or damaged.
        """
        if self.runner is None:
            raise DeviceError("The host device is not open; use it in a with statement.")
        files = [str(path.resolve()) for path in (artifact.file, artifact.inputs_path)]
        answer = self.runner.run([*files, *request.arguments(self.threads, self.cores)], self.timeout)
        return RunReport.from_stream(answer, request, artifact.inputs_count)


def _choose_cores(cores: Literal["auto"] | list[int] | None, threads: int) -> list[int]:
    if cores is None or not hasattr(os, "sched_getaffinity"):
        return []
    allowed = os.sched_getaffinity(0)
    if cores == "auto":
        return fastest_cores({core: _max_frequency(core) for core in allowed}, threads)
    chosen = [int(core) for core in cores]
    if not chosen or not set(chosen) <= allowed:
        raise DeviceConfigError(
            f"device.cores must be auto, null or a list out of {sorted(allowed)}; got {chosen}."
        )
    return sorted(set(chosen))


def _max_frequency(core: int) -> int:
    try:
        return int((CPUS / f"cpu{core}" / "cpufreq" / "cpuinfo_max_freq").read_text())
    except (OSError, ValueError):
        return 0


def processor() -> str:
    """The name of this machine's processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
