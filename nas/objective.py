"""One trial of the parser search: train, export; then, in the search's own process, measure.

The only place, with `nas.search`, that joins the three packages.
"""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from omegaconf import DictConfig

from latency.device import Device
from latency.export import export
from latency.measurement import MeasurementPlan, measure
from latency.source import ExportSource
from nlu.errors import ParserFileError
from nlu.parser import Parser, load_parser
from nlu.train import train

RESULT = "latency.json.gz"


def train_and_export(config: DictConfig, folder: Path) -> dict[str, Any]:
    """Train a parser and export it.

    Args:
        config: as `conf/search.yaml` composes it for one trial.
        folder: of the trial.

    Returns:
        The metrics of `nlu.train.train` and the `artifact`'s path.

    Raises:
        NluError: the parser cannot be trained as configured.
        LatencyError: it cannot be exported.
    """
    metrics = train(config, folder)
    # From the file, so that what is measured is what was saved.
    artifact = export(
        export_source(load_parser(folder)),
        folder,
        parity_inputs=config.export.parity_inputs,
        bundled_inputs=config.export.bundled_inputs,
    )
    return {**metrics, "artifact": str(artifact.path)}


def load_export_source(parser: str | None) -> ExportSource:
    """Make what `python -m latency.export` exports from a parser's file or its run's folder.

    Raises:
        ParserFileError: none is given, or it is not a parser.
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
            "model": parser.config.as_dict(),
            "training": parser.training,
        },
    )


class LatencyMeasurement:
    """The measuring stage of a trial; entered once for each batch, so that the device is opened once.

    The device is opened by the first trial that needs it. If that fails, so has the trial's measurement, and
    a search that goes on measures it again.

    Args:
        device: where to measure.
        protocol: how to measure.
    """

    def __init__(self, device: Device, protocol: MeasurementPlan) -> None:
        self.device = device
        self.protocol = protocol
        self._stack = contextlib.ExitStack()
        self._opened: Device | None = None

    def __enter__(self) -> Self:
        """Begin a batch."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the device."""
        self._opened = None
        self._stack.close()

    def __call__(self, metrics: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        """Measure a trial's artifact and keep every run beside it.

        Args:
            metrics: of the training stage; `artifact` is the file to run.
            folder: of the trial.

        Raises:
            LatencyError: the artifact or the device is not in order.
        """
        if self._opened is None:
            self._opened = self._stack.enter_context(self.device)
        result = measure(Path(metrics["artifact"]), self._opened, self.protocol)
        result.save(folder / RESULT)
        return result.metrics()
