"""Several phones of one model that share the work: each artifact is measured on one of them."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from latency.device import Device
from latency.errors import DeviceConfigError, LatencyError, MixedDevicesError
from latency.measurement import MeasurementProtocol, measure_all
from latency.result import LatencyResult


class DevicePool:
    """Devices that are open together and measure in parallel."""

    def __init__(self, devices: Sequence[Device]) -> None:
        """Take the devices; they are opened by `__enter__`.

        Raises:
            DeviceConfigError: there are none.
        """
        if not devices:
            raise DeviceConfigError(
                "A pool needs at least one device; list their serial numbers in device.devices."
            )
        self.devices = list(devices)
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
                    f"must not be "
                    "mixed; attach phones of one model."
                )
            self.stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all devices."""
        self.stack.__exit__(kind, error, trace)

    def measure_all(
        self, artifacts: Sequence[Path], protocol: MeasurementProtocol
    ) -> list[LatencyResult | LatencyError]:
        """Measure artifacts, each on one phone, all phones at once.

        Returns:
            The outcomes in the order of the artifacts (see `latency.measurement.measure_all`).
        """
        count = len(self.devices)
        with ThreadPoolExecutor(count) as threads:
            shares = list(
                threads.map(
                    lambda number: measure_all(artifacts[number::count], self.devices[number], protocol),
                    range(count),
                )
            )
        return [shares[index % count][index // count] for index in range(len(artifacts))]
