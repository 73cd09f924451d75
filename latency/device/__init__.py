"""Where an artifact is run: a device takes requests and answers with raw runs. Imports no torch."""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Protocol, Self

from latency.artifact import Artifact
from latency.runner.stream import RunReport, RunRequest


class Device(Protocol):
    """A place to run artifacts, open between `__enter__` and `__exit__`.

    Every call of `run` is a fresh process on the device. Implementations raise `latency.errors.DeviceError`
    or one of its subclasses for whatever goes wrong, and never return a report that is not complete.
    """

    def __enter__(self) -> Self:
        """Reach the device and prepare it."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the device as it was found, also after an error or an interrupt."""

    @property
    def members(self) -> Sequence["Device"]:
        """The devices that measure side by side: a pool's, or else this one alone."""
        return (self,)

    def describe(self) -> dict[str, Any]:
        """What identifies the device and its state.

        At least `device`, its kind, and `model`, a name for groups; optionally `marks`, names of whatever
        makes results less trustworthy and was allowed.
        """

    def run(self, artifact: Artifact, request: RunRequest) -> RunReport:
        """Time an artifact in a fresh process.

        Raises:
            DeviceError: the device or the runner failed; the message says what to do.
        """
