import hashlib
import random
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from latency.artifact import Artifact, output_checksum
from latency.device.adb import Adb
from latency.device.android import AndroidDevice, Patience
from latency.device.speed_benchmark import (
    Answer,
    halves_agree,
    open_binary,
    parse_answer,
    printed_checksum,
    unseal,
)
from latency.errors import (
    DeviceConfigError,
    DeviceLostError,
    RunnerCrashError,
    RunnerTimeoutError,
    StreamError,
    WrongAbiError,
)
from latency.export import export
from latency.result import LatencyResult
from latency.runner.stream import RunRequest, Warmup
from latency.testing import BIG_LITTLE, PLAIN, Faults
from tests.latency.conftest import Command
from tests.latency.device import speed_benchmark_program
from tests.latency.device.conftest import ABI, Phones
from tests.latency.modules import source
from tests.latency.runner.test_stream import mutated

HERE = replace(PLAIN, abi=ABI)
VALUES = ["8345", "1", "999999", "1.23457e+06", "1e+06", "9.5e+06", "12"]
NS = (8_345_000, 1_000, 999_999_000, 1_234_570_000, 1_000_000_000, 9_500_000_000, 12_000)
PRINTED = "  3\n 14\n -1\n[ CPULongType{3} ]\n"
HEADING = "Starting benchmark.\nRunning warmup runs.\nMain runs.\n"
SUMMARY = "Main run finished. Microseconds per iter: 1.53486e+06. Iters per second: 0.651525\n"


def observers(values: list[str]) -> str:
    record = 'PyTorchObserver {{"type": "NET", "unit": "us", "metric": "latency", "value": "{}"}}\n'
    return "".join(record.format(value) for value in values)


TEXT = PRINTED + HEADING + observers(VALUES) + SUMMARY
ANSWER = Answer(NS, output_checksum([3, 14, -1]))


def sealed(text: str) -> bytes:
    return f"{hashlib.sha256(text.encode()).hexdigest()}  -\n{text}".encode()


def test_documented_text_gives_nanoseconds_and_the_output() -> None:
    assert parse_answer(unseal(sealed(TEXT)), 7, True) == ANSWER
    assert parse_answer(TEXT.removeprefix(PRINTED), 7, False) == Answer(NS, None)


def test_every_truncation_is_an_error() -> None:
    data = sealed(TEXT)
    for length in range(len(data)):
        with pytest.raises(StreamError):
            parse_answer(unseal(data[:length]), 7, True)
    # A program that stops half-way has its text sealed all the same.
    for length in range(len(TEXT)):
        with pytest.raises(StreamError):
            parse_answer(unseal(sealed(TEXT[:length])), 7, True)


def test_no_mutation_on_the_way_gives_a_number() -> None:
    generator = random.Random(0)
    data = sealed(TEXT)
    for _ in range(10_000):
        damaged = mutated(data, generator)
        try:
            answer = parse_answer(unseal(damaged), 7, True)
        except StreamError:
            continue
        assert answer == ANSWER
        # Whatever follows the checksum on its line is not read.
        assert (damaged[:64], damaged.partition(b"\n")[2]) == (data[:64], data.partition(b"\n")[2])


def test_no_mutation_of_the_text_itself_gives_another_count_or_no_time() -> None:
    generator = random.Random(1)
    refused = 0
    for _ in range(10_000):
        text = mutated(TEXT.encode(), generator).decode("latin-1")
        try:
            answer = parse_answer(text, 7, True)
        except StreamError:
            refused += 1
        else:
            assert len(answer.ns) == 7
            # One changed digit or exponent is a number that the program could have said; a float ends there.
            assert all(0 < ns < 3.5e41 for ns in answer.ns)
    assert refused > 8000


@pytest.mark.parametrize(
    ("text", "runs", "checked", "message"),
    [
        ("", 7, True, "did not start"),
        (TEXT, 6, True, "asked for 6 runs and reported 7"),
        (TEXT, 7, False, "before its benchmark"),
        (HEADING + observers(VALUES) + SUMMARY, 7, True, "not one 1-D int64 tensor"),
        (HEADING + SUMMARY, 0, False, "not a run that took time"),
        (HEADING + observers(["0"]) + SUMMARY, 1, False, "not a run that took time"),
        (HEADING + observers(["nan"]) + SUMMARY, 1, False, "not a run that took time"),
        (HEADING + observers(["-5"]) + SUMMARY, 1, False, "not a run that took time"),
        (HEADING + observers(["1e+999999"]) + SUMMARY, 1, False, "not a run that took time"),
        (HEADING + observers(["5"]) + "a warning\n" + SUMMARY, 1, False, "not a run that took time"),
        (HEADING + observers(["5"]), 1, False, "not whole"),
        (HEADING + observers(["5"]) + SUMMARY + SUMMARY, 1, False, "not a run that took time"),
    ],
)
def test_other_texts_are_refused(text: str, runs: int, checked: bool, message: str) -> None:
    with pytest.raises(StreamError, match=message):
        parse_answer(unseal(sealed(text)), runs, checked)


@pytest.mark.parametrize("values", [[], [0], [-1], [5, 123456, 7], list(range(40))])
def test_printed_outputs_are_read_as_torch_prints_them(
    values: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    speed_benchmark_program.show(torch.tensor(values, dtype=torch.int64))
    lines = capsys.readouterr().out.removesuffix("\n").split("\n")
    assert printed_checksum(lines) == output_checksum(values)


def test_halves_are_compared_input_by_input() -> None:
    assert halves_agree([[100, 900, 102], [7, 7]], 0.05)
    assert not halves_agree([[100, 900, 120], [7, 7]], 0.05)
    assert not halves_agree([[100], [7]], 0.05)


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    made = export(source(), tmp_path_factory.mktemp("bundled"), bundled_inputs=2)
    return replace(made, file=made.lite_path)


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("binary") / "speed_benchmark_torch"
    file.write_text(f"#!{sys.executable}\n{Path(speed_benchmark_program.__file__).read_text()}")
    return file


REQUEST = RunRequest(first=3, runs=9, checked=10, warmup=Warmup(window=5))
Open = Callable[..., AndroidDevice]
one_client = pytest.mark.parametrize("client", ["system"], indirect=True)


@pytest.fixture
def opened(adb: Adb, phones: Phones) -> Open:
    """A device for a new double, not yet open, that runs a binary."""

    def make(binary: Path, faults: Faults | None = None, timeout: float = 60) -> AndroidDevice:
        return AndroidDevice(
            None,
            address=phones(replace(BIG_LITTLE, abi=ABI), faults).address,
            patience=Patience(timeout=timeout, repeats=0),
            adb=adb,
            runner="speed_benchmark_torch",
            binary=str(binary),
        )

    return make


@one_client
@pytest.mark.device
def test_every_bundled_input_is_timed_in_a_process_of_its_own(
    opened: Open, bundled: Artifact, binary: Path
) -> None:
    with opened(binary) as device:
        report = device.run(bundled, REQUEST)
    # Inputs 1, 0, 1, ... of two, one process an input.
    assert report.inputs == (0,) * 4 + (1,) * 5
    assert len(report.ns) == 9
    assert all(ns > 0 and ns % 1000 == 0 for ns in report.ns)
    assert report.outputs == tuple(bundled.parity_outputs[:2])
    assert (report.runner, report.threads, report.cores) == ("speed_benchmark_torch", 1, (7,))
    assert (report.load_ns, report.peak_bytes, report.warmup_runs) == (None, None, 10)


@pytest.mark.slow
@one_client
@pytest.mark.device
def test_command_measures_with_the_binary(
    command: Command, adb: Adb, bundled: Artifact, binary: Path, phones: Phones, tmp_path: Path
) -> None:
    phone = phones(HERE)
    done = command(
        "latency.benchmark",
        "device=android",
        f"artifact={bundled.file}",
        f"device.adb.program={adb.program}",
        f"device.address='{phone.address}'",
        "device.runner=speed_benchmark_torch",
        f"device.binary={binary}",
        "protocol.runs=500",
        "protocol.blocks=2",
        variables=adb.environment,
    )
    assert done.returncode == 0, done.stderr
    result = LatencyResult.load(next(tmp_path.glob("benchmark/*/latency.json.gz")))
    metrics = result.metrics()
    assert (metrics["runs"], metrics["outputs_differing"]) == (500, 0)
    assert metrics["runner"] == "speed_benchmark_torch"
    assert "load_ms" not in metrics
    # Pushed by checksum and kept, as a bundle is.
    assert [path.name for path in phone.storage.glob("paretoparse/*/*")] == ["speed_benchmark_torch"]


def script(folder: Path, text: str) -> Path:
    file = folder / "speed_benchmark_torch"
    file.write_text(text)
    return file


@one_client
@pytest.mark.device
@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("#!/bin/sh\necho 'no such model' >&2; exit 1\n", RunnerCrashError, "exit code 1.*no such model"),
        ("#!/bin/sh\nkill -9 $$\n", RunnerCrashError, "SIGKILL"),
        (f"#!/bin/sh\nprintf '{HEADING}'\n", StreamError, "not whole"),
        ("#!/bin/sh\n", StreamError, "did not start"),
        ("#!/bin/sh\nsleep 60\n", RunnerTimeoutError, "within 2 seconds"),
        ("\x7fELF of another processor", WrongAbiError, "for its architecture"),
    ],
)
def test_failures_of_the_binary_are_named(
    text: str, error: type[Exception], message: str, opened: Open, bundled: Artifact, tmp_path: Path
) -> None:
    with (
        opened(script(tmp_path, text), timeout=2) as device,
        pytest.raises(error, match=message),
    ):
        device.run(bundled, REQUEST)


@one_client
@pytest.mark.device
def test_connection_lost_in_its_answer_is_never_a_number(
    opened: Open, bundled: Artifact, binary: Path
) -> None:
    faults = Faults(drop_after=300, drops=99)
    with opened(binary, faults) as device, pytest.raises(DeviceLostError):
        device.run(bundled, REQUEST)


@one_client
@pytest.mark.device
def test_wrong_outputs_are_refused(opened: Open, bundled: Artifact, binary: Path, tmp_path: Path) -> None:
    wrong = script(tmp_path, binary.read_text().replace("show(module(*call))", "show(module(*call) + 1)"))
    request = replace(REQUEST, runs=2)
    with opened(wrong) as device:
        outputs = device.run(bundled, request).outputs
    assert not set(outputs) & set(bundled.parity_outputs)


@one_client
@pytest.mark.device
def test_artifacts_without_bundled_inputs_are_refused(
    opened: Open, bundled: Artifact, artifact: Artifact, binary: Path
) -> None:
    with opened(binary) as device:
        for unfit in (replace(bundled, file=bundled.path), replace(artifact, file=artifact.lite_path)):
            with pytest.raises(DeviceConfigError, match="export it with bundled_inputs=N"):
                device.run(unfit, REQUEST)
        device.chosen_cores = []
        with pytest.raises(DeviceConfigError, match=r"device\.cores"):
            device.run(bundled, REQUEST)


def test_runner_and_binary_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(DeviceConfigError, match=r"device\.binary=FILE"):
        open_binary(None)
    with pytest.raises(DeviceConfigError, match="there is none at"):
        open_binary(str(tmp_path / "nothing"))
    with pytest.raises(DeviceConfigError, match="bundle or speed_benchmark_torch; got 'fast'"):
        AndroidDevice(None, runner="fast")
