"""The second stage of a trial: measuring what training left, a batch at a time, while nothing else runs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from nas.errors import SettingsError
from nas.study.goals import Metric
from nas.study.trials import Trial


@dataclass(frozen=True)
class Trained:
    """What there is to measure of a trial.

    Attributes:
        number: The trial's number.
        metrics: What its job returned.
        files: The files that it returned, by name.
        folder: The job's folder.
    """

    number: int
    metrics: Mapping[str, Metric]
    files: Mapping[str, Path]
    folder: Path

    @classmethod
    def of(cls, trial: Trial) -> "Trained":
        """The trial's."""
        files = {name: Path(path) for name, path in trial.files.items()}
        return cls(trial.number, trial.metrics, files, Path(trial.folder or "."))


class Measurement(Protocol):
    """Measures trained trials side by side."""

    def measure_batch(
        self, trained: Sequence[Trained], control: Trained | None
    ) -> Iterator[tuple[int, Mapping[str, Metric] | Exception]]:
        """Measures a batch.

        Args:
            trained: What to measure; at least one.
            control: The reference, to be measured beside them whether it is one of them or not; None: there
                is none.

        Yields:
            Each trial's number with its additional metrics, or with what went wrong, once.
        """


class OneByOne:
    """A measurement that takes one trial after the other.

    Args:
        function: Metrics and folder of a trial to more metrics. If it is a context manager, it is entered
            for each batch.
    """

    def __init__(self, function: Callable[[dict[str, Metric], Path], Mapping[str, Metric]]) -> None:
        self._function = function

    def measure_batch(
        self, trained: Sequence[Trained], control: Trained | None
    ) -> Iterator[tuple[int, Mapping[str, Metric] | Exception]]:
        """See `Measurement.measure_batch`; a control means nothing here."""
        function = self._function
        opened = function if isinstance(function, AbstractContextManager) else nullcontext()
        with opened:
            for one in trained:
                try:
                    yield one.number, function(dict(one.metrics), one.folder)
                except Exception as error:
                    # Whatever a device does is this trial's failure.
                    yield one.number, error


def as_measurement(made: Any) -> Measurement:
    """What the node `measure` gave: a `Measurement`, or a function of one trial.

    Raises:
        SettingsError: If it is neither.
    """
    if hasattr(made, "measure_batch"):
        measurement: Measurement = made
        return measurement
    if callable(made):
        return OneByOne(made)
    raise SettingsError(
        f"measure gives a {type(made).__name__}; it must be a function of metrics and folder, or have a "
        "method measure_batch."
    )
