"""What a runner is asked and what it answers: one request, one stream of JSON lines. Imports no torch.

A stream is a header, one line a timed run, a footer and a seal:

    {"type":"header","format":1,"runner":"python","runtime":"torch 2.13.0","threads":1,...}
    {"input":0,"ns":1834211}
    ...
    {"type":"footer","runs":2000,"peak_bytes":231297024,"base_bytes":209715200}
    {"seal":"9e3779b97f4a7c15"}

The seal is the FNV-1a hash of all lines before it (without carriage returns, each followed by a newline), so
a stream that was cut, merged or damaged on its way is recognised and gives an error instead of a number.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Self

from latency.artifact import fnv1a
from latency.errors import PlanError, StreamError
from paretoparse.checks import COUNT, Range

FORMAT = 1


@dataclass(frozen=True)
class Warmup:
    """When a process counts as warmed up.

    The first `window` inputs are run again and again; two successive rounds over the same inputs are two
    moving averages of the same work, so they are comparable although the inputs' lengths differ.

    Attributes:
        window: inputs in a round; all of them when there are fewer.
        tolerance: warm when two successive rounds' mean latencies differ by at most this share.
        max_rounds: stop after so many rounds, warm or not; the result says which.
    """

    window: int = 50
    tolerance: float = 0.05
    max_rounds: int = 20

    def __post_init__(self) -> None:
        COUNT.check("protocol.warmup.window", self.window, PlanError)
        Range(high=1, above=True, below=True).check("protocol.warmup.tolerance", self.tolerance, PlanError)
        Range(low=2, whole=True).check("protocol.warmup.max_rounds", self.max_rounds, PlanError)


@dataclass(frozen=True)
class RunRequest:
    """One process's share of a measurement.

    Attributes:
        first: index of the first timed input; the following runs go on in the file's order and start over at
            its end.
        runs: number of timed runs.
        checked: outputs of so many first inputs are reported.
        warmup: the warm-up rule.
    """

    first: int
    runs: int
    checked: int
    warmup: Warmup

    def arguments(self, threads: int, cores: list[int]) -> list[str]:
        """The runner's command-line options for this request, the same for every runner."""
        values = {
            "first": self.first,
            "runs": self.runs,
            "checked": self.checked,
            "window": self.warmup.window,
            "tolerance": self.warmup.tolerance,
            "max-rounds": self.warmup.max_rounds,
            "threads": threads,
            "cores": ",".join(map(str, cores)) or "any",
        }
        return [f"--{name}={value}" for name, value in values.items()]


@dataclass(frozen=True)
class RunReport:
    """A runner's whole answer.

    Attributes:
        runner: which program ran, e.g. `python` or `cpp`.
        runtime: what executed the model, e.g. `torch 2.13.0, full`.
        threads: threads within an operator.
        cores: cores that the process was allowed to run on; empty when unknown.
        load_ns: nanoseconds to load the file; None where the runner does not say.
        peak_bytes: peak resident memory of the process, bytes; None where the system does not say.
        warmup_runs: untimed runs before the first timed one.
        warm: whether the warm-up converged.
        outputs: checksums of the first inputs' outputs (see `latency.artifact.output_checksum`).
        inputs: index of each run's input, in the order of the runs.
        ns: nanoseconds that each run's forward pass took, in the order of the runs.
        base_bytes: peak resident memory of the process before it loaded the file, bytes; None where the
            runner does not say, as older ones do not.
    """

    runner: str
    runtime: str
    threads: int
    cores: tuple[int, ...]
    load_ns: int | None
    peak_bytes: int | None
    warmup_runs: int
    warm: bool
    outputs: tuple[str, ...]
    inputs: tuple[int, ...]
    ns: tuple[int, ...]
    base_bytes: int | None = None

    @property
    def model_bytes(self) -> int | None:
        """Memory by which loading and running the model raised the process's peak, bytes."""
        if self.peak_bytes is None or self.base_bytes is None:
            return None
        return self.peak_bytes - self.base_bytes

    def to_lines(self) -> str:
        """The stream that says this."""
        header = {
            "type": "header",
            "format": FORMAT,
            "runner": self.runner,
            "runtime": self.runtime,
            "threads": self.threads,
            "cores": self.cores,
            "load_ns": self.load_ns,
            "warmup_runs": self.warmup_runs,
            "warm": self.warm,
            "outputs": self.outputs,
        }
        footer = {
            "type": "footer",
            "runs": len(self.ns),
            "peak_bytes": self.peak_bytes,
            "base_bytes": self.base_bytes,
        }
        lines = [_dump(header)]
        lines += [f'{{"input":{i},"ns":{ns}}}' for i, ns in zip(self.inputs, self.ns, strict=True)]
        lines.append(_dump(footer))
        body = "".join(f"{line}\n" for line in lines)
        return f'{body}{{"seal":"{fnv1a(body.encode()):016x}"}}\n'

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Self:
        """The report that `dataclasses.asdict` and JSON have turned into a record."""
        tuples = {name: tuple(record[name]) for name in ("cores", "outputs", "inputs", "ns")}
        return cls(**{**record, **tuples})

    @classmethod
    def from_stream(cls, data: bytes, request: RunRequest, inputs_count: int) -> Self:
        """Read a runner's answer to a request about an artifact with `inputs_count` inputs.

        Raises:
            StreamError: the stream is truncated or damaged, or does not answer the request.
        """
        lines = _sealed_lines(data)
        if len(lines) < 2:
            raise StreamError("The runner's answer has no header and footer; measure again.")
        header = _record(lines[0], "header")
        footer = _record(lines[-1], "footer")
        if header.get("format") != FORMAT:
            raise StreamError(
                f"The runner speaks format {header.get('format')} and not {FORMAT}; build the runner again."
            )
        runs = [_record(line, None) for line in lines[1:-1]]
        if not len(runs) == footer.get("runs") == request.runs:
            raise StreamError(
                f"The runner was asked for {request.runs} runs, announced {footer.get('runs')} and sent "
                f"{len(runs)}; "
                "measure again."
            )
        for position, entry in enumerate(runs):
            expected = (request.first + position) % inputs_count
            if entry.keys() != {"input", "ns"} or entry["input"] != expected or not _positive(entry["ns"]):
                raise StreamError(f"Run {position + 1} of the runner's answer is malformed; measure again.")
        report = cls(
            inputs=tuple(entry["input"] for entry in runs),
            ns=tuple(entry["ns"] for entry in runs),
            peak_bytes=_bytes(footer, "peak_bytes"),
            base_bytes=_bytes(footer, "base_bytes"),
            cores=tuple(_field(header, "cores", list)),
            outputs=tuple(_field(header, "outputs", list)),
            runner=_field(header, "runner", str),
            runtime=_field(header, "runtime", str),
            threads=_field(header, "threads", int),
            load_ns=_field(header, "load_ns", int),
            warmup_runs=_field(header, "warmup_runs", int),
            warm=_field(header, "warm", bool),
        )
        if len(report.outputs) != min(request.checked, inputs_count):
            raise StreamError("The runner's answer lacks the outputs that were asked for; measure again.")
        return report


def _sealed_lines(data: bytes) -> list[str]:
    data = data.replace(b"\r", b"")
    body, newline, last = data.rstrip(b"\n").rpartition(b"\n")
    seal = re.fullmatch(rb'\{"seal":"([0-9a-f]{16})"\}', last)
    if seal is None:
        raise StreamError(
            "The runner's answer has no end, so the runner or the connection broke off; measure again."
        )
    if int(seal[1], 16) != fnv1a(body + newline):
        raise StreamError(
            "The runner's answer was damaged on its way (its seal does not fit); measure again."
        )
    try:
        return body.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise StreamError("The runner's answer is not UTF-8 text; measure again.") from error


def _record(line: str, kind: str | None) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        value = None
    if not isinstance(value, dict) or value.get("type") != kind:
        raise StreamError(f"A line of the runner's answer is not a {kind or 'run'}; measure again.")
    return value


def _field(record: dict[str, Any], name: str, kind: type) -> Any:
    value = record.get(name)
    if type(value) is not kind:
        raise StreamError(f"The runner's answer has no proper '{name}'; build the runner again.")
    return value


def _bytes(record: dict[str, Any], name: str) -> int | None:
    return None if record.get(name) is None else int(_field(record, name, int))


def _positive(value: object) -> bool:
    return type(value) is int and value > 0


def _dump(record: dict[str, Any]) -> str:
    return json.dumps(record, separators=(",", ":"))
