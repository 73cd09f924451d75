"""One trial of the parser search: train and export; then, in the search's own process, measure.

The only place, with `nas.search`, that joins the three packages.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from latency.device import Device
from latency.errors import LatencyError
from latency.export import export
from latency.measurement import MeasurementPlan, measure_batch
from latency.source import ExportSource
from nas.execution.measurement import Trained
from nas.study import Metric
from nlu.errors import ParserFileError
from nlu.parser import Parser, load_parser

ARTIFACT = "artifact"
RESULT = "latency.json.gz"


def train_and_export(config: DictConfig, folder: Path) -> dict[str, Any]:
    """Train a parser and export it.

    Args:
        config: As `conf/search.yaml` composes it for one trial.
        folder: Of the trial.

    Returns:
        The metrics of `nlu.training.train`, and the `artifact`, a path.

    Raises:
        NluError: The parser cannot be trained as configured.
        LatencyError: It cannot be exported.
    """
    # It loads Lightning, which measuring does without.
    from nlu.training import train

    metrics = train(config, folder)
    # From the file, so that what is measured is what was saved.
    artifact = export(
        export_source(load_parser(folder)),
        folder,
        parity_inputs=config.export.parity_inputs,
        bundled_inputs=config.export.bundled_inputs,
    )
    return {**metrics, ARTIFACT: artifact.path}


def load_export_source(parser: str | None) -> ExportSource:
    """Make what `python -m latency.export` exports from a parser's file or its run's folder.

    Raises:
        ParserFileError: None is given, or it is not a parser.
    """
    if parser is None:
        raise ParserFileError("parser is not given; add parser=DIR_OR_FILE.")
    return export_source(load_parser(parser))


def export_source(parser: Parser) -> ExportSource:
    """Hand a parser over for export, with the held-out utterances that it carries as inputs."""
    return ExportSource(
        module=parser.model,
        inputs=[tuple(parser.tokenizer.encode(words)) for words in parser.utterances],
        description={
            "ontology": list(parser.ontology.tokens),
            "vocab_size": len(parser.tokenizer),
            "tokenizer": base64.b64encode(parser.tokenizer.model).decode(),
            "calibration": [parser.calibration.slope, parser.calibration.intercept],
            "model": parser.config.as_dict(),
            "sizes": asdict(parser.sizes),
            "training": parser.training,
        },
        methods=["search"],
    )


class LatencyMeasurement:
    """The measuring stage of the parser's trials: a batch's artifacts in turns, the reference's among them.

    Args:
        device: Where to measure.
        protocol: How to measure.
    """

    def __init__(self, device: Device, protocol: MeasurementPlan) -> None:
        self.device = device
        self.protocol = protocol

    def measure_batch(
        self, trained: Sequence[Trained], control: Trained | None
    ) -> Iterator[tuple[int, Mapping[str, Metric] | Exception]]:
        """See `Measurement.measure_batch`; keeps every run in `latency.json.gz` beside its artifact.

        A device that cannot be opened fails the whole batch, and a search that goes on measures it again.
        """
        ready = [one for one in trained if ARTIFACT in one.files]
        for one in trained:
            if one not in ready:
                yield one.number, LatencyError("the job left no artifact to measure; run it again.")
        opened = False
        try:
            with self.device as device:
                opened = True
                beside = control.files.get(ARTIFACT) if control is not None else None
                paths = [one.files[ARTIFACT] for one in ready]
                for place, outcome in measure_batch(paths, device, self.protocol, beside):
                    found = self._keep(outcome, ready[place].folder)
                    if control is not None and ready[place].number == control.number:
                        found = _as_unit(found)
                    yield ready[place].number, found
        except LatencyError as error:
            if opened:
                raise
            for one in ready:
                yield one.number, error

    def _keep(self, outcome: Any, folder: Path) -> Mapping[str, Metric] | Exception:
        if isinstance(outcome, LatencyError):
            return outcome
        outcome.save(folder / RESULT)
        metrics: Mapping[str, Metric] = outcome.metrics()
        return metrics


def _as_unit(found: Mapping[str, Metric] | Exception) -> Mapping[str, Metric] | Exception:
    """The reference's own metrics: a ratio to itself is 1, and all others are told in units of its result.

    Measured twice side by side it is 1 but for noise, which the ratio's interval still shows.
    """
    if isinstance(found, Exception) or "latency_p99_ratio" not in found:
        return found
    return {**found, "latency_p99_ratio": 1.0}
