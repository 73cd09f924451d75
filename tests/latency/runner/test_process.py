import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from latency.artifact import Artifact
from latency.errors import RunnerCrashError, RunnerTimeoutError
from latency.export import ExportSource, export
from latency.runner.process import ProgramRunner, PythonRunner
from latency.runner.stream import RunReport, RunRequest, Warmup
from tests.latency.conftest import ROOT
from tests.latency.modules import Crashing, Slow

REQUEST = RunRequest(first=0, runs=20, checked=10, warmup=Warmup(window=10))


def arguments(artifact: Artifact) -> list[str]:
    return [str(artifact.file), str(artifact.inputs_path), *REQUEST.arguments(threads=1, cores=[])]


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    source = ExportSource(Slow().eval(), [[[1]], [[1_000_000]]], {})
    return export(source, tmp_path_factory.mktemp("slow"), parity_inputs=1)


def test_stuck_python_runner_is_stopped(slow: Artifact) -> None:
    runner = PythonRunner()
    try:
        with pytest.raises(RunnerTimeoutError, match="within 3 seconds"):
            runner.run(arguments(slow), timeout=3)
        assert runner.server is None
    finally:
        runner.close()


@pytest.mark.parametrize("gone", [False, True])
def test_death_of_the_server_is_an_error_and_heals(artifact: Artifact, gone: bool) -> None:
    runner = PythonRunner()
    try:
        runner.run(arguments(artifact), timeout=60)
        assert runner.server is not None
        os.kill(runner.server.pid, signal.SIGKILL)
        if gone:
            # The pipe has no reader any more when the next request is written.
            runner.server.wait()
        with pytest.raises(RunnerCrashError, match="has died"):
            runner.run(arguments(artifact), timeout=60)
        answer = runner.run(arguments(artifact), timeout=60)
        assert len(RunReport.from_stream(answer, REQUEST, artifact.inputs_count).ns) == 20
    finally:
        runner.close()


def test_server_ends_quietly_when_its_user_has_died(artifact: Artifact, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "latency.runner.server"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=ROOT) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stderr is not None
        request = [str(tmp_path / "out"), str(tmp_path / "err"), *arguments(artifact)]
        server.stdout.close()
        server.stdin.write(json.dumps(request).encode() + b"\n")
        server.stdin.flush()
        assert server.wait(timeout=60) == 0
        assert server.stderr.read() == b""


def test_python_runner_leaves_nothing_behind(artifact: Artifact) -> None:
    runner = PythonRunner()
    runner.run(arguments(artifact), timeout=60)
    assert runner.server is not None
    group = runner.server.pid
    runner.close()
    assert not Path(runner.folder.name).exists()
    listed = subprocess.run(["ps", "-o", "pid=", "-g", str(group)], capture_output=True, check=False)
    assert listed.stdout.strip() == b""


def test_program_failures_are_named(
    program: Path, artifact: Artifact, slow: Artifact, tmp_path: Path
) -> None:
    runner = ProgramRunner(program)
    with pytest.raises(RunnerTimeoutError, match="within 2 seconds"):
        runner.run(arguments(slow), timeout=2)
    with pytest.raises(RunnerCrashError, match=r"exit code 1 \(give a model and a file of inputs\)"):
        runner.run([], timeout=10)
    crashing = export(ExportSource(Crashing().eval(), [[[1]], [[1] * 9]], {}), tmp_path, parity_inputs=1)
    with pytest.raises(RunnerCrashError, match="too long for me"):
        runner.run(arguments(crashing), timeout=60)
    with pytest.raises(RunnerCrashError, match="cannot be started: No such file"):
        ProgramRunner(tmp_path / "nowhere").run(arguments(artifact), timeout=10)


MALFORMED = ["", "3", "[]", "[3]", "[[1.5]]", "[[true]]", "[[1]", "[[1]]]", "[[[1]]]", "[1],[2]"]


@pytest.mark.parametrize("line", MALFORMED)
def test_program_refuses_malformed_inputs(
    line: str, program: Path, artifact: Artifact, tmp_path: Path
) -> None:
    inputs = tmp_path / "inputs.jsonl"
    inputs.write_text(f"[[1],[0]]\n{line}\n")
    options = [str(artifact.file), str(inputs), *REQUEST.arguments(threads=1, cores=[])]
    with pytest.raises(RunnerCrashError, match="line 2 of the inputs"):
        ProgramRunner(program).run(options, timeout=60)


def test_killed_program_is_named(tmp_path: Path) -> None:
    script = tmp_path / "runner"
    script.write_text("#!/bin/sh\nkill -SEGV $$\n")
    script.chmod(0o755)
    with pytest.raises(RunnerCrashError, match="killed by SIGSEGV"):
        ProgramRunner(script).run([], timeout=10)
