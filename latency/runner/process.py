"""The two runners as processes of this machine: one call, one fresh process, the bytes that it answered."""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Protocol

import latency
from latency.errors import RunnerCrashError, RunnerTimeoutError
from latency.runner.crash import runner_crashed

# Read once, when torch is imported or loaded; a pool of threads of its own would disturb the one that is
# timed.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Runner(Protocol):
    """A program that answers to the options of `RunRequest.arguments`."""

    def run(self, arguments: list[str], timeout: float) -> bytes:
        """Run it in a fresh process.

        Args:
            arguments: model, inputs and options.
            timeout: seconds until it counts as stuck.

        Raises:
            RunnerCrashError: it ended with an error.
            RunnerTimeoutError: it did not end in time, and was killed.
        """

    def close(self) -> None:
        """End whatever still runs."""


class ProgramRunner:
    """The C++ runner."""

    def __init__(self, program: Path) -> None:
        self.program = program

    def run(self, arguments: list[str], timeout: float) -> bytes:
        """See `Runner.run`."""
        try:
            done = subprocess.run(
                [str(self.program), *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env={**os.environ, **ENVIRONMENT},
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise stuck(timeout) from error
        except OSError as error:
            raise RunnerCrashError(
                f"The runner '{self.program}' cannot be started: {error.strerror}; build it again "
                "with 'make runner'."
            ) from error
        if done.returncode != 0:
            raise runner_crashed(done.returncode, done.stderr.decode("utf-8", "replace"))
        return done.stdout

    def close(self) -> None:
        """Nothing outlives a call."""


class PythonRunner:
    """The Python runner, forked from a server that has imported torch once."""

    def __init__(self) -> None:
        self.server: subprocess.Popen[bytes] | None = None
        self.folder = tempfile.TemporaryDirectory(prefix="latency-")

    def run(self, arguments: list[str], timeout: float) -> bytes:
        """See `Runner.run`."""
        out, err = Path(self.folder.name, "out"), Path(self.folder.name, "err")
        for file in (out, err):
            file.write_bytes(b"")
        code = self._ask([str(out), str(err), *arguments], timeout)
        if code != 0:
            raise runner_crashed(code, err.read_text("utf-8", "replace"))
        return out.read_bytes()

    def close(self) -> None:
        """Kill the server with the runner that it may be waiting for, and remove the files."""
        self._stop()
        self.folder.cleanup()

    def _ask(self, arguments: list[str], timeout: float) -> int:
        if self.server is None:
            self.server = _start_server()
        server = self.server
        assert server.stdin is not None
        assert server.stdout is not None
        # A server that has died shows below by its empty answer.
        with contextlib.suppress(BrokenPipeError):
            server.stdin.write(json.dumps(arguments).encode() + b"\n")
            server.stdin.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(server.stdout, selectors.EVENT_READ)
            answered = bool(selector.select(timeout))
        if not answered:
            self._stop()
            raise stuck(timeout)
        answer = server.stdout.readline()
        if not answer:
            self._stop()
            raise RunnerCrashError("The process that starts the runners has died; measure again.")
        return int(answer)

    def _stop(self) -> None:
        if self.server is None:
            return
        server, self.server = self.server, None
        # The server leads a process group of its own, so a runner that is stuck ends with it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        # What a dead server was not told any more is still in the buffer that is closed here.
        with contextlib.suppress(BrokenPipeError), server:
            server.wait()


def _start_server() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "latency.runner.server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **ENVIRONMENT},
        cwd=Path(latency.__file__).parents[1],
        start_new_session=True,
    )


def stuck(timeout: float) -> RunnerTimeoutError:
    """The error for a runner that did not end in time."""
    return RunnerTimeoutError(
        f"The runner did not finish within {timeout:g} seconds; raise device.timeout or measure fewer runs."
    )
