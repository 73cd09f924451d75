"""What parsers cost, side by side: parameters, bytes, multiplications, memory, and latency on this host.

    python scripts/compare_parsers.py NAME=PARSER [NAME=PARSER ...] [--beams 1 3] [--int8] [--runs 2000]
    python scripts/compare_parsers.py topv2=models/topv2 --int8 --data data=topv2 data.root=DIR

PARSER is a training run's folder or its parser.pt; --int8 adds a row with its linear layers in dynamic int8.
All artifacts are measured in turns over the same utterances, those of the first parser that every parser can
read, so that changes of the machine's speed meet all of them alike. Prints a Markdown table; EM is that on
eval utterances of --data, or else what the training reported; the last column is p99 over the first row's.
"""

import tempfile
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from hydra import compose, initialize_config_dir
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from latency.device.host import HostDevice, processor
from latency.export import export
from latency.measurement import MeasurementPlan, measure_batch
from latency.result import LatencyResult
from nas.trial import export_source
from nlu.batches import encode_rows
from nlu.data.splits import load_splits
from nlu.metrics import gold_of, score
from nlu.parser import Parser, load_parser
from paretoparse.cli import ArgumentParser, count, reported_errors

CONF = Path(__file__).resolve().parents[1] / "conf"
HEADINGS = ("parser", "beam", "EM", "parameters", "MB", "MMACs", "peak MB", "p50 ms", "p99 ms", "ratio")


class Row(NamedTuple):
    """What is measured.

    Attributes:
        name: for the table.
        parser: as it was trained.
        measured: the same parser, or one in int8.
        beam: lengths or frames that are searched.
    """

    name: str
    parser: Parser
    measured: Parser
    beam: int


def main() -> None:
    """Run from the command line."""
    arguments = ArgumentParser(description="Compare the cost of parsers on this host.")
    arguments.add_argument("parsers", nargs="+", metavar="NAME=PARSER")
    arguments.add_argument("--beams", type=count, nargs="+", default=[1])
    arguments.add_argument("--int8", action="store_true", help="a row in dynamic int8 for each parser")
    arguments.add_argument("--data", nargs="+", metavar="KEY=VALUE", help="as for nlu.evaluate")
    arguments.add_argument("--utterances", type=count, default=2000, help="of eval, drawn at random")
    arguments.add_argument("--runs", type=count, default=2000, help="timed runs of each artifact")
    arguments.add_argument("--blocks", type=count, default=4, help="processes these runs are divided among")
    options = arguments.parse_args()
    rows: list[Row] = []
    for name, path in (entry.partition("=")[::2] for entry in options.parsers):
        for beam in options.beams:
            parser = load_parser(path)
            rows.append(Row(name, parser, parser, beam))
            if options.int8:
                rows.append(Row(f"{name}, int8", parser, quantized(parser), beam))
    for row in rows:
        row.measured.model.beam = row.beam
        row.measured.utterances = rows[0].parser.utterances
    plan = MeasurementPlan(runs=options.runs, blocks=options.blocks)
    with tempfile.TemporaryDirectory() as folder, HostDevice() as device:
        artifacts = [
            export(export_source(row.measured), Path(folder) / str(number)).path
            for number, row in enumerate(rows)
        ]
        outcomes = dict(measure_batch(artifacts, device, plan))
        sizes = [artifact.stat().st_size for artifact in artifacts]
    eval_rows = eval_split(options.data, options.utterances) if options.data else []
    print(f"{processor()}, PyTorch {torch.__version__}, one thread\n")
    print("| " + " | ".join(HEADINGS) + " |")
    print("|" + " --- |" * len(HEADINGS))
    first: float | None = None
    for number, row in enumerate(rows):
        outcome = outcomes[number]
        if not isinstance(outcome, LatencyResult):
            raise outcome
        first = first or outcome.percentile(99)
        peak = outcome.metrics().get("peak_memory_bytes")
        cells = [
            row.name,
            str(row.beam),
            exact_match(row, eval_rows),
            f"{row.parser.model.parameter_count() / 1e6:.2f} M",
            f"{sizes[number] / 1e6:.1f}",
            f"{multiplications(row.parser) / 1e6:.1f}",
            f"{peak / 1e6:.0f}" if isinstance(peak, int | float) else "",
            f"{outcome.percentile(50):.2f}",
            f"{outcome.percentile(99):.2f}",
            f"{outcome.percentile(99) / first:.2f}",
        ]
        print("| " + " | ".join(cells) + " |")


def quantized(parser: Parser) -> Parser:
    """Return a copy whose linear layers compute in int8; activations are quantised on the fly."""
    with warnings.catch_warnings():
        # PyTorch advises a package that does not export to TorchScript.
        warnings.simplefilter("ignore")
        model = torch.ao.quantization.quantize_dynamic(parser.model, {torch.nn.Linear}, dtype=torch.qint8)
    return replace(parser, model=model)


def eval_split(overrides: list[str], count: int) -> list[dict[str, Any]]:
    """Draw rows of an eval split, named as for `nlu.evaluate`."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("evaluate", overrides=overrides)
        return list(load_splits(config, ["eval"])["eval"].shuffle(seed=0))[:count]


def exact_match(row: Row, eval_rows: list[dict[str, Any]]) -> str:
    """Score on the rows; where there are none, tell what the training reported, of the parser as it was."""
    if not eval_rows:
        reported = row.parser.training.get("exact_match")
        return "" if reported is None or row.measured is not row.parser else f"{reported:.1f}"
    ranked = row.measured.predict(encode_rows(eval_rows, row.parser.tokenizer), 64)
    golds = gold_of(eval_rows, seen=set())
    metrics = score([hypotheses[0][0] for hypotheses in ranked], golds, row.parser.ontology)
    return f"{metrics['exact_match']:.1f}"


def multiplications(parser: Parser) -> float:
    """Return the mean multiplications of an utterance's matrix products."""
    # The fused attention's own are not counted.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter, torch.inference_mode():
        for words in parser.utterances:
            pieces, starts = parser.tokenizer.encode(words)
            parser.model(torch.tensor(pieces), torch.tensor(starts))
    return float(counter.get_total_flops()) / 2 / len(parser.utterances)


if __name__ == "__main__":
    with reported_errors():
        main()
