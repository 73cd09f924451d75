"""A phone as a device, reached by adb. It needs no app and no root: a bundle (see `latency.bundle`) brings
the runner.
"""

import contextlib
import dataclasses
import re
import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from filelock import FileLock

from latency.artifact import Artifact, sha256
from latency.bundle_manifest import Bundle
from latency.device import Device, speed_benchmark
from latency.device.adb import Adb
from latency.device.conditions import (
    PRECONDITIONS,
    Conditions,
    parse_conditions,
    violated,
)
from latency.device.cores import affinity_mask, fastest_cores
from latency.device.lock import lock_phone
from latency.errors import (
    AdbTimeoutError,
    DeviceConfigError,
    DeviceError,
    DeviceLostError,
    PreconditionError,
    RunnerTimeoutError,
    StreamError,
    ThrottledError,
    TransferError,
    WrongAbiError,
)
from latency.runner.crash import reason, runner_crashed
from latency.runner.stream import RunReport, RunRequest
from paretoparse.checks import COUNT, Range

ROOT = "/data/local/tmp/paretoparse"
"""Where everything is put on the phone: the only place that a shell may write to and run programs from."""

SEPARATOR = "=====next====="


@dataclass(frozen=True)
class Patience:
    """How long to go on when a phone is hot, stuck or lost.

    Attributes:
        timeout: seconds after which one block counts as stuck.
        cooling: seconds to wait for a hot phone to cool down, each time.
        repeats: times that a block is repeated because the phone was hot at its end, or was lost.
    """

    timeout: float = 600.0
    cooling: float = 300.0
    repeats: int = 2

    def __post_init__(self) -> None:
        Range(above=True).check("device.patience.timeout", self.timeout, DeviceConfigError)
        Range().check("device.patience.cooling", self.cooling, DeviceConfigError)
        Range(whole=True).check("device.patience.repeats", self.repeats, DeviceConfigError)


class AndroidDevice(Device):
    """A phone attached by cable or network."""

    def __init__(
        self,
        bundle: str | None,
        serial: str | None = None,
        address: str | None = None,
        threads: int = 1,
        cores: Literal["auto"] | list[int] | None = "auto",
        suppress: list[str] | None = None,
        patience: Patience | None = None,
        adb: Adb | None = None,
        runner: Literal["bundle", "speed_benchmark_torch"] = "bundle",
        binary: str | None = None,
    ) -> None:
        """Set up; the phone is not touched before `__enter__`.

        Args:
            bundle: folder that `python -m latency.bundle` has made for the phone's architecture.
            serial: which phone; None: the only one.
            address: `host:port` of a phone to connect to first; None: it is attached already.
            threads: threads within an operator, at least 1.
            cores: `auto` takes the fastest cores, one a thread; a list names them; None leaves it to the
                phone.
            suppress: names of preconditions that need not hold; the result is marked with those that do not.
            patience: time-outs and repetitions.
            adb: the adb program.
            runner: `bundle`, or `speed_benchmark_torch` (see `latency.device.speed_benchmark`).
            binary: file of the Android build of `speed_benchmark_torch`, which then replaces the bundle.

        Raises:
            BundleError: the bundle is missing or damaged.
            DeviceConfigError: a value is out of range, a name unknown, or the binary missing.
        """
        COUNT.check("device.threads", threads, DeviceConfigError)
        unknown = set(suppress or []) - PRECONDITIONS.keys()
        if unknown:
            raise DeviceConfigError(
                f"device.suppress knows {', '.join(PRECONDITIONS)}; got {', '.join(sorted(unknown))}."
            )
        if runner not in ("bundle", speed_benchmark.NAME):
            raise DeviceConfigError(
                f"device.runner must be bundle or {speed_benchmark.NAME}; got '{runner}'."
            )
        self.runner = runner
        self.bundle = Bundle.load(bundle) if runner == "bundle" else speed_benchmark.open_binary(binary)
        self.serial = serial
        self.address = address
        self.threads = threads
        self.cores = cores
        self.suppress = list(suppress or [])
        self.patience = patience or Patience()
        self.adb = adb or Adb()
        self.lock: FileLock | None = None
        self.chosen_cores: list[int] = []
        self.fixed_performance = False
        self.description: dict[str, Any] = {}
        self.history: list[dict[str, Any]] = []
        self.marks: set[str] = set()

    def __enter__(self) -> Self:
        """Find the phone, take it, install the bundle, fix the clocks where that is offered, and check the
        preconditions.

        Raises:
            DeviceBusyError: another benchmark is using the phone, and is left alone.
            DeviceError: the phone cannot be reached or used; the subclass and the text say why.
        """
        if self.address is not None:
            self.adb.connect(self.address)
        self.lock = lock_phone(self.adb.choose(self.serial or self.address))
        try:
            self._identify()
            self._install(self.bundle.path, self._bundle_folder, self.bundle.hashes)
            self.adb.shell(f"chmod 755 {self._bundle_folder}/*")
            mode = self.adb.shell("cmd power set-fixed-performance-mode-enabled true")
            self.fixed_performance = mode.code == 0 and "Unknown command" not in mode.text
            self._choose_cores()
            self._check_preconditions()
        except BaseException:
            self._restore()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End a runner that still runs, remove the artifacts and release the clocks; the bundle stays for
        next time.
        """
        self._restore()

    def describe(self) -> dict[str, Any]:
        """The phone's identity, cores, bundle, suppressed preconditions and its state around every block."""
        return {
            "device": "android",
            **self.description,
            "cores": self.chosen_cores,
            "threads": self.threads,
            "bundle_torch": self.bundle.torch,
            "fixed_performance": self.fixed_performance,
            "conditions": self.history,
            "marks": sorted(self.marks),
        }

    def run(self, artifact: Artifact, request: RunRequest) -> RunReport:
        """Time an artifact in a fresh process, again if the phone was hot at its end or was lost meanwhile.

        Raises:
            DeviceError: the phone is not open.
            ThrottledError: the phone stayed or became hot each time.
            DeviceLostError: it was lost and did not come back, or was lost each time.
            RunnerCrashError: the runner ended with an error.
            RunnerTimeoutError: it did not finish in time.
            StreamError: its answer is damaged.
        """
        if self.lock is None:
            raise DeviceError("The phone is not open; use it in a with statement.")
        failure: DeviceError | None = None
        for _ in range(self.patience.repeats + 1):
            try:
                self._cool_down()
                report = self._run_once(artifact, request)
            except (DeviceLostError, StreamError) as error:
                failure = error
                self.adb.wait(timeout=30)
                continue
            conditions = self._observe("after")
            if "THROTTLED" in self.suppress or not conditions.throttled:
                return report
            failure = ThrottledError(
                "The phone slowed itself down during every attempt; cool it, or raise "
                "device.patience.repeats."
            )
        assert failure is not None
        raise failure

    def _identify(self) -> None:
        names = {
            "model": "ro.product.model",
            "manufacturer": "ro.product.manufacturer",
            "soc": "ro.soc.model",
            "fingerprint": "ro.build.fingerprint",
            "sdk": "ro.build.version.sdk",
            "abis": "ro.product.cpu.abilist",
            "qemu": "ro.boot.qemu",
        }
        # A bracket on each side keeps an empty answer in its place.
        answer = self.adb.shell("; ".join(f'echo "[$(getprop {key})]"' for key in names.values())).text
        values = dict(zip(names, re.findall(r"^\[(.*)\]$", answer, re.MULTILINE), strict=True))
        if not values["model"]:
            raise DeviceError(
                "The phone does not say which model it is, so its results could be mixed with others'."
            )
        self.description = {**values, "serial": self.adb.serial}
        if self.bundle.abi is not None and self.bundle.abi not in values["abis"].split(","):
            raise WrongAbiError(
                f"The bundle is for {self.bundle.abi}, the phone runs {values['abis']}; "
                "make one for it with 'python -m latency.bundle abi=...'."
            )

    @property
    def _bundle_folder(self) -> str:
        return f"{ROOT}/bundle-{self.bundle.identity}"

    def _install(self, local: Path, remote: str, hashes: dict[str, str]) -> None:
        """Push those files of a folder that are not on the phone yet, and make sure that they arrived."""
        self.adb.shell(f"mkdir -p {shlex.quote(remote)}")
        present = self.adb.hashes(remote)
        missing = [name for name, digest in hashes.items() if present.get(name) != digest]
        for name in missing:
            self.adb.push(local / name, f"{remote}/{name}", self.patience.timeout)
        if missing:
            present = self.adb.hashes(remote)
            damaged = [name for name in missing if present.get(name) != hashes[name]]
            if damaged:
                raise TransferError(
                    f"{damaged[0]} did not arrive on the phone as it was sent; check the cable and "
                    f"measure again."
                )

    def _choose_cores(self) -> None:
        answer = self.adb.shell("cat /sys/devices/system/cpu/cpu[0-9]*/cpufreq/cpuinfo_max_freq")
        listed = self.adb.shell("ls -d /sys/devices/system/cpu/cpu[0-9]*/cpufreq").text
        numbers = [int(core) for core in re.findall(r"cpu(\d+)/cpufreq", listed)]
        frequencies = dict(zip(numbers, map(int, answer.text.split()), strict=False))
        self.description["frequencies_khz"] = [frequencies[core] for core in sorted(frequencies)]
        if self.cores is None:
            self.chosen_cores = []
        elif self.cores == "auto":
            self.chosen_cores = fastest_cores(frequencies, self.threads)
        else:
            self.chosen_cores = [int(core) for core in self.cores]
            if not self.chosen_cores or not set(self.chosen_cores) <= set(numbers):
                raise DeviceConfigError(
                    f"device.cores must be auto, null or a list out of {sorted(numbers)}; got "
                    f"{self.chosen_cores}."
                )

    def _check_preconditions(self) -> None:
        conditions = self._observe("before")
        if conditions.throttled and "THROTTLED" not in self.suppress:
            conditions = self._cool_down()
        emulator = self.description["qemu"] == "1"
        broken = violated(conditions, emulator=emulator, fixed_performance=self.fixed_performance)
        refused = [name for name in broken if name not in self.suppress]
        if refused:
            reasons = "; ".join(f"{PRECONDITIONS[name]} ({name})" for name in refused)
            raise PreconditionError(
                f"This phone cannot be measured as it is: {reasons}. "
                f"Set 'device.suppress=[{','.join(broken)}]' to measure it nevertheless; the result is "
                f"then marked."
            )
        self.marks |= set(broken)

    def _observe(self, moment: str) -> Conditions:
        stat = [self.adb.shell("head -n 1 /proc/stat").text]
        services = ("battery", "thermalservice", "power")
        answer = self.adb.shell(
            f"; echo {SEPARATOR}; ".join(f"dumpsys {service}" for service in services)
        ).text
        battery, thermal, power = answer.split(SEPARATOR)
        time.sleep(0.2)
        stat.append(self.adb.shell("head -n 1 /proc/stat").text)
        conditions = parse_conditions(battery, thermal, power, stat)
        self.history.append({"moment": moment, **dataclasses.asdict(conditions)})
        return conditions

    def _cool_down(self) -> Conditions:
        deadline = time.monotonic() + self.patience.cooling
        conditions = self._observe("before")
        while conditions.throttled and "THROTTLED" not in self.suppress:
            if time.monotonic() > deadline:
                raise ThrottledError(
                    f"The phone is hot and did not cool down within {self.patience.cooling:g} seconds; "
                    f"cool it, "
                    "raise device.patience.cooling, or set 'device.suppress=[THROTTLED]'."
                )
            time.sleep(min(5.0, max(0.5, self.patience.cooling / 20)))
            conditions = self._observe("cooling")
        return conditions

    def _run_once(self, artifact: Artifact, request: RunRequest) -> RunReport:
        digest = sha256(artifact.file)
        folder = f"{ROOT}/artifact-{digest[:16]}"
        files = {artifact.file.name: digest, artifact.inputs_path.name: sha256(artifact.inputs_path)}
        self._install(artifact.file.parent, folder, files)
        if self.runner == speed_benchmark.NAME:
            return speed_benchmark.measure(
                self._execute, self.bundle, folder, artifact, request, self.chosen_cores
            )
        names = [f"{folder}/{name}" for name in files]
        # The mask is set from outside, so the runner itself is told to run anywhere.
        answer = self._execute(shlex.join([*names, *request.arguments(self.threads, [])]))
        return RunReport.from_stream(answer, request, artifact.inputs_count)

    def _execute(self, arguments: str, afterwards: str = "true") -> bytes:
        """Run the program on the phone, then a shell command; their standard output, unless it failed."""
        affinity = f"taskset {affinity_mask(self.chosen_cores)} " if self.chosen_cores else ""
        command = (
            f"cd {self._bundle_folder} && echo $$ > {ROOT}/running && "
            f"OMP_NUM_THREADS=1 {affinity}{shlex.join(self.bundle.command)} {arguments} 2> {ROOT}/errors; "
            f"code=$?; rm -f {ROOT}/running; {afterwards}; exit $code"
        )
        try:
            answer = self.adb.shell(command, self.patience.timeout)
        except AdbTimeoutError as error:
            self._end_runner()
            raise RunnerTimeoutError(
                f"The runner did not finish within {self.patience.timeout:g} seconds on the phone; "
                "raise device.patience.timeout or measure fewer runs."
            ) from error
        if answer.code != 0:
            raise self._crash(answer.code)
        return answer.output

    def _crash(self, code: int) -> DeviceError:
        said = self.adb.shell(f"head -c 8000 {ROOT}/errors").text
        if re.search(r"not executable|Exec format error|Permission denied", said):
            return WrongAbiError(
                f"The phone cannot run the runner ({reason(said)}); take one for its architecture "
                f"({self.description['abis']})."
            )
        return runner_crashed(128 - code if code > 128 else code, said, where=" on the phone")

    def _end_runner(self) -> None:
        # The shell that started the runner leads its process group.
        self.adb.shell(
            f"kill -9 -$(cat {ROOT}/running) 2>/dev/null; kill -9 $(cat {ROOT}/running) 2>/dev/null; true"
        )

    def _restore(self) -> None:
        # Each step by itself: a phone that has gone cannot be tidied, and must not hide the error before.
        try:
            for step in (self._end_runner, self._remove_artifacts, self._release_clocks):
                with contextlib.suppress(DeviceError):
                    step()
        finally:
            if self.lock is not None:
                self.lock.release()
                self.lock = None

    def _remove_artifacts(self) -> None:
        self.adb.shell(f"rm -rf {ROOT}/artifact-* {ROOT}/errors {ROOT}/running")

    def _release_clocks(self) -> None:
        if self.fixed_performance:
            self.adb.shell("cmd power set-fixed-performance-mode-enabled false")
            self.fixed_performance = False
