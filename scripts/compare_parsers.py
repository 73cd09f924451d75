"""What parsers cost, side by side: parameters, bytes, multiplications, memory, and latency on this host.

    python scripts/compare_parsers.py NAME=PARSER [NAME=PARSER ...] [--beams 1 3] [--runs 2000]

PARSER is a training run's folder or its parser.pt. All artifacts are measured in turns over the same
utterances, those of the first parser that every parser can read, so that changes of the machine's speed
meet all of them alike. Prints a Markdown table; its last column is the p99 over that of the first row.
"""

import argparse
import platform
import tempfile
from pathlib import Path

import torch
from nas.objective import export_source
from torch.utils.flop_counter import FlopCounterMode

from latency.device.host import HostDevice
from latency.export import export
from latency.measurement import MeasurementProtocol, measure_all
from latency.result import LatencyResult
from nlu.parser import Parser, load_parser

HEADINGS = ("parser", "beam", "EM", "parameters", "MB", "MMACs", "peak MB", "p50 ms", "p99 ms", "ratio")


def main() -> None:
    """Run from the command line."""
    arguments = argparse.ArgumentParser(description="Compare the cost of parsers on this host.")
    arguments.add_argument("parsers", nargs="+", metavar="NAME=PARSER")
    arguments.add_argument("--beams", type=int, nargs="+", default=[1])
    arguments.add_argument("--runs", type=int, default=2000, help="timed runs of each artifact")
    arguments.add_argument("--blocks", type=int, default=4, help="processes these runs are divided among")
    options = arguments.parse_args()
    named = [entry.partition("=")[::2] for entry in options.parsers]
    parsers = [(name, beam, load_parser(path)) for name, path in named for beam in options.beams]
    utterances = parsers[0][2].utterances
    with tempfile.TemporaryDirectory() as folder, HostDevice() as device:
        artifacts = []
        for number, (_, beam, parser) in enumerate(parsers):
            parser.model.beam = beam
            parser.utterances = utterances
            artifacts.append(export(export_source(parser), Path(folder) / str(number)).path)
        protocol = MeasurementProtocol(runs=options.runs, blocks=options.blocks)
        outcomes = measure_all(artifacts, device, protocol)
        sizes = [artifact.stat().st_size for artifact in artifacts]
    print(f"{platform.processor() or platform.machine()}, PyTorch {torch.__version__}, one thread\n")
    print("| " + " | ".join(HEADINGS) + " |")
    print("|" + " --- |" * len(HEADINGS))
    first: float | None = None
    for (name, beam, parser), outcome, size in zip(parsers, outcomes, sizes, strict=True):
        if not isinstance(outcome, LatencyResult):
            raise outcome
        p99 = outcome.percentile(99)
        first = first or p99
        peak = outcome.metrics().get("peak_memory_bytes")
        cells = [
            name,
            str(beam),
            f"{parser.training.get('exact_match', float('nan')):.1f}",
            f"{sum(parameter.numel() for parameter in parser.model.parameters()) / 1e6:.2f} M",
            f"{size / 1e6:.1f}",
            f"{multiplications(parser) / 1e6:.1f}",
            f"{peak / 1e6:.0f}" if isinstance(peak, int | float) else "",
            f"{outcome.percentile(50):.2f}",
            f"{p99:.2f}",
            f"{p99 / first:.2f}",
        ]
        print("| " + " | ".join(cells) + " |")


def multiplications(parser: Parser) -> float:
    """Return the mean multiplications of an utterance's matrix products."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        for words in parser.utterances:
            pieces, starts = parser.tokenizer.encode(words)
            parser.model(torch.tensor(pieces), torch.tensor(starts))
    return float(counter.get_total_flops()) / 2 / len(parser.utterances)


if __name__ == "__main__":
    main()
