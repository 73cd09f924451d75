"""This machine as a device: a fresh, pinned process for every request."""

import contextlib
import json
import os
import platform
import selectors
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import latency
from latency.artifact import Artifact
from latency.errors import DeviceConfigError, DeviceError, RunnerCrashError, RunnerTimeoutError
from latency.runner.stream import RunReport, RunRequest

CPUS = Path("/sys/devices/system/cpu")


class HostDevice:
    """Runs artifacts in processes of this machine, forked from one that has already imported torch."""

    def __init__(
        self, threads: int = 1, cores: Literal["auto"] | list[int] | None = "auto", timeout: float = 300.0
    ) -> None:
        """Set up; nothing is started before `__enter__`.

        Args:
            threads: threads within an operator, at least 1.
            cores: `auto` takes the fastest cores, one a thread; a list names them; None leaves the choice to
                the system.
            timeout: seconds after which a request counts as stuck, more than 0.

        Raises:
            DeviceConfigError: a value is out of range or names a core that this process may not use.
        """
        if threads < 1 or timeout <= 0:
            raise DeviceConfigError(
                f"device.threads must be at least 1 and device.timeout above 0; got {threads} and {timeout}."
            )
        self.threads = threads
        self.timeout = timeout
        self.cores = _choose_cores(cores, threads)
        self._server: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        """Make the folder for answers; the server starts with the first request."""
        self._folder = tempfile.TemporaryDirectory(prefix="latency-")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server and remove the folder."""
        self._stop()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def describe(self) -> dict[str, Any]:
        """Kind, processor model, system, cores and threads."""
        return {
            "device": "host",
            "model": _processor(),
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
        if self._folder is None:
            raise DeviceError("The host device is not open; use it in a with statement.")
        out, err = Path(self._folder.name, "out"), Path(self._folder.name, "err")
        for file in (out, err):
            file.unlink(missing_ok=True)
        files = [str(path.resolve()) for path in (artifact.file, artifact.inputs_path)]
        code = self._ask([str(out), str(err), *files, *request.arguments(self.threads, self.cores)])
        if code != 0:
            raise RunnerCrashError(
                f"The runner {_ending(code)} while running '{artifact.file}': {_last_line(err)}; "
                "try the artifact again, and export it anew if it goes on."
            )
        return RunReport.from_stream(
            out.read_bytes() if out.is_file() else b"", request, artifact.inputs_count
        )

    def _ask(self, arguments: list[str]) -> int:
        if self._server is None:
            self._server = _start_server()
        server = self._server
        assert server.stdin is not None
        assert server.stdout is not None
        # A server that has died shows below by its empty answer.
        with contextlib.suppress(BrokenPipeError):
            server.stdin.write(json.dumps(arguments).encode() + b"\n")
            server.stdin.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(server.stdout, selectors.EVENT_READ)
            answered = bool(selector.select(self.timeout))
        if not answered:
            self._stop()
            raise RunnerTimeoutError(
                f"The runner did not finish within {self.timeout:g} seconds; raise device.timeout or "
                f"measure fewer runs."
            )
        answer = server.stdout.readline()
        if not answer:
            self._stop()
            raise RunnerCrashError("The process that starts the runners has died; measure again.")
        return int(answer)

    def _stop(self) -> None:
        if self._server is None:
            return
        # The server leads a process group of its own, so a runner that is stuck ends with it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._server.pid, signal.SIGKILL)
        with self._server as server:
            server.wait()
        self._server = None


def _start_server() -> subprocess.Popen[bytes]:
    # Set before torch is imported: its thread pools read them once.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "latency.runner.server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        cwd=Path(latency.__file__).parents[1],
        start_new_session=True,
    )


def _choose_cores(cores: Literal["auto"] | list[int] | None, threads: int) -> list[int]:
    if cores is None or not hasattr(os, "sched_getaffinity"):
        return []
    allowed = os.sched_getaffinity(0)
    if cores == "auto":
        # Among equals the last: interrupts are served by the first core on most machines.
        ranked = sorted(allowed, key=lambda core: (_max_frequency(core), core), reverse=True)
        return sorted(ranked[:threads])
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


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _ending(code: int) -> str:
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def _last_line(file: Path) -> str:
    lines = file.read_text(encoding="utf-8", errors="replace").split("\n") if file.is_file() else []
    filled = [line.strip() for line in lines if line.strip()]
    return filled[-1] if filled else "no message"
