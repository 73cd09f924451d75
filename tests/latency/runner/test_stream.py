import random
from dataclasses import replace

import pytest

from latency.errors import StreamError
from latency.runner.stream import RunReport, RunRequest, Warmup

REQUEST = RunRequest(first=3, runs=40, checked=2, warmup=Warmup())
INPUTS = 7
REPORT = RunReport(
    runner="python",
    runtime="torch 2.13.0, TorchScript",
    threads=1,
    cores=(1,),
    load_ns=5_000_000,
    peak_bytes=123_456_789,
    warmup_runs=100,
    warm=True,
    outputs=("0123456789abcdef", "fedcba9876543210"),
    inputs=tuple((3 + run) % INPUTS for run in range(40)),
    ns=tuple(1_000_000 + 7919 * run for run in range(40)),
    base_bytes=23_456_789,
)
STREAM = REPORT.to_lines().encode()


def test_stream_round_trip() -> None:
    assert RunReport.from_stream(STREAM, REQUEST, INPUTS) == REPORT


def test_memory_is_told_where_the_runner_knows_it() -> None:
    assert REPORT.model_bytes == 100_000_000
    older = replace(REPORT, base_bytes=None)
    assert RunReport.from_stream(older.to_lines().encode(), REQUEST, INPUTS) == older
    assert older.model_bytes is None
    assert RunReport.from_record({k: v for k, v in vars(REPORT).items() if k != "base_bytes"}) == older


def test_carriage_returns_of_a_terminal_do_no_harm() -> None:
    assert RunReport.from_stream(STREAM.replace(b"\n", b"\r\n"), REQUEST, INPUTS) == REPORT


def test_every_truncation_is_an_error() -> None:
    # The last newline alone may be missing: the seal is then still whole.
    for length in range(len(STREAM) - 1):
        with pytest.raises(StreamError):
            RunReport.from_stream(STREAM[:length], REQUEST, INPUTS)


def mutated(stream: bytes, generator: random.Random) -> bytes:
    """Change, cut, repeat, swap or insert a part of a stream."""
    data = bytearray(stream)
    a, b = sorted(generator.randrange(len(data) + 1) for _ in range(2))
    match generator.randrange(6):
        case 0:
            data[generator.randrange(len(data))] = generator.randrange(256)
        case 1:
            del data[a:b]
        case 2:
            data[a:a] = data[a:b]
        case 3:
            data[a:b] = data[a:b][::-1]
        case 4:
            data[a:a] = generator.randbytes(generator.randrange(1, 9))
        case _:
            lines = stream.splitlines(keepends=True)
            i, j = (generator.randrange(len(lines)) for _ in range(2))
            lines[i], lines[j] = lines[j], lines[i]
            data = bytearray(b"".join(lines))
    return bytes(data)


def test_no_mutation_gives_other_numbers() -> None:
    generator = random.Random(0)
    refused = 0
    for _ in range(10_000):
        data = mutated(STREAM, generator)
        try:
            report = RunReport.from_stream(data, REQUEST, INPUTS)
        except StreamError:
            refused += 1
        else:
            # Only what leaves every line as it was may pass: carriage returns and newlines at the end.
            assert data.replace(b"\r", b"").rstrip(b"\n") == STREAM.rstrip(b"\n")
            assert report == REPORT
    assert refused > 9000


@pytest.mark.parametrize(
    "request_",
    [
        RunRequest(first=4, runs=40, checked=2, warmup=Warmup()),
        RunRequest(first=3, runs=41, checked=2, warmup=Warmup()),
        RunRequest(first=3, runs=40, checked=3, warmup=Warmup()),
    ],
)
def test_an_answer_to_another_request_is_refused(request_: RunRequest) -> None:
    with pytest.raises(StreamError):
        RunReport.from_stream(STREAM, request_, INPUTS)


def test_sealed_nonsense_is_refused() -> None:
    for changed in (
        {"ns": (0, *REPORT.ns[1:])},
        {"ns": (-5, *REPORT.ns[1:])},
        {"inputs": (0, *REPORT.inputs[1:])},
        {"threads": "one"},
        {"peak_bytes": "many"},
        {"base_bytes": 1.5},
        {"warm": 1},
    ):
        nonsense = RunReport(**{**vars(REPORT), **changed}).to_lines().encode()
        with pytest.raises(StreamError):
            RunReport.from_stream(nonsense, REQUEST, INPUTS)
