"""Several phones of one model that share the work: each artifact is measured on one of them."""

from collections.abc import Sequence
from contextlib import ExitStack
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self

from latency.artifact import Artifact
from latency.device import Device
from latency.errors import DeviceConfigError, DeviceError, MixedDevicesError
from latency.runner.stream import RunReport, RunRequest


class DevicePool(Device):
    """Devices that are open together; `latency.measurement.measure_batch` divides a batch among them."""

    def __init__(self, devices: Sequence[Device]) -> None:
        """Take the devices; they are opened by `__enter__`.

        Raises:
            DeviceConfigError: there are none.
        """
        if not devices:
            raise DeviceConfigError(
                "A pool needs at least one device; list their serial numbers in device.devices."
            )
        self.devices = tuple(devices)
        self.idle: SimpleQueue[Device] | None = None
        self.stack = ExitStack()

    def __enter__(self) -> Self:
        """Open all devices, or none.

        Raises:
            MixedDevicesError: they are of different models.
        """
        with ExitStack() as stack:
            for device in self.devices:
                stack.enter_context(device)
            models = {str(device.describe()["model"]) for device in self.devices}
            if len(models) > 1:
                raise MixedDevicesError(
                    f"The phones are of different models ({', '.join(sorted(models))}), whose latencies "
                    "must not be mixed; attach phones of one model."
                )
            self.stack = stack.pop_all()
        self.idle = SimpleQueue()
        for device in self.devices:
            self.idle.put(device)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all devices."""
        self.idle = None
        self.stack.__exit__(kind, error, trace)

    @property
    def members(self) -> Sequence[Device]:
        """The devices, each of which measures a share of a batch."""
        return self.devices

    def describe(self) -> dict[str, Any]:
        """The model, which all share, and each device's own description."""
        described = [device.describe() for device in self.devices]
        marks = sorted({mark for one in described for mark in one.get("marks", ())})
        return {"device": "pool", "model": described[0]["model"], "members": described, "marks": marks}

    def run(self, artifact: Artifact, request: RunRequest) -> RunReport:
        """Time an artifact on whichever device is idle, or becomes so first.

        Raises:
            DeviceError: the pool is not open, or that device or its runner failed.
        """
        idle = self.idle
        if idle is None:
            raise DeviceError("The pool is not open; use it in a with statement.")
        device = idle.get()
        try:
            return device.run(artifact, request)
        finally:
            idle.put(device)
