"""What a phone double says about itself, and how it fails on order."""

import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Profile:
    """A described phone.

    Attributes:
        model: `ro.product.model`.
        abi: `ro.product.cpu.abi`.
        frequencies: highest frequency of each core, kHz.
        battery: level, percent.
        load: share of all cores that other programs keep busy, 0 to 1.
        emulator: whether it calls itself one.
        fixed_performance: whether `cmd power set-fixed-performance-mode-enabled` is known.
        throttles_after: seconds until its thermal status rises; None: never.
        cools_after: seconds from then until it is back at 0; None: never.
        screen_off_after: how many runner commands end before its screen goes off; 0: it is off; None: never.
        heating_runs: how many of its first runner commands leave it hot, for `cools_after` seconds each.
        interpreter: program that runs other architectures' programs, e.g. `qemu-aarch64-static`; empty: none.
    """

    model: str = "Double 1"
    abi: str = "x86_64"
    frequencies: tuple[int, ...] = (1_800_000, 1_800_000)
    battery: int = 80
    load: float = 0.0
    emulator: bool = False
    fixed_performance: bool = True
    throttles_after: float | None = None
    cools_after: float | None = None
    screen_off_after: int | None = None
    heating_runs: int = 0
    interpreter: str = ""

    def properties(self) -> dict[str, str]:
        """What `getprop` knows."""
        return {
            "ro.product.model": self.model,
            "ro.product.manufacturer": "ParetoParse",
            "ro.product.cpu.abi": self.abi,
            "ro.product.cpu.abilist": self.abi,
            "ro.build.fingerprint": f"double/{self.model.replace(' ', '_')}/1:14/X/1:user/release-keys",
            "ro.build.version.sdk": "34",
            "ro.build.type": "user",
            "ro.soc.model": "Double SoC",
            "ro.boot.qemu": "1" if self.emulator else "",
        }

    def thermal_status(self, seconds: float) -> int:
        """Thermal status (0 none to 6 shutdown) so many seconds after it was switched on."""
        if self.throttles_after is None or seconds < self.throttles_after:
            return 0
        if self.cools_after is not None and seconds >= self.throttles_after + self.cools_after:
            return 0
        return 3


PLAIN = Profile()
BIG_LITTLE = Profile(model="Double 8", frequencies=(1_700_000,) * 4 + (2_400_000,) * 3 + (2_900_000,))
LOW_BATTERY = Profile(model="Double low", battery=12)
SCREEN_OFF = Profile(model="Double asleep", screen_off_after=0)
THROTTLING = Profile(model="Double hot", throttles_after=0.0, cools_after=4.0)


@dataclass
class Faults:
    """How the double fails; may be changed while it runs.

    Attributes:
        silent: accepts the connection and never answers.
        key: what becomes of an unknown key: `ignored` (no authentication), `rejected`, or `accepted` after
            being shown.
        shell_v2: whether the shell reports exit codes and keeps stderr apart.
        drop_after: cut the connection after so many bytes of a runner's output; None: never.
        drops: how often to do that.
        disk_bytes: free space for pushed files; None: enough.
        delay: seconds that every shell command waits before it starts.
    """

    silent: bool = False
    key: Literal["ignored", "rejected", "accepted"] = "ignored"
    shell_v2: bool = True
    drop_after: int | None = None
    drops: int = 1
    disk_bytes: int | None = None
    delay: float = 0.0


# Stand-ins for Android's own commands. $PHONE is the double's folder.
COMMANDS = {
    "getprop": """
if [ -z "$1" ]; then exec grep -H . "$PHONE"/properties/*; fi
cat "$PHONE/properties/$1" 2>/dev/null || echo
""",
    "dumpsys": """
cat "$PHONE/dumpsys/$1" 2>/dev/null || echo "Can't find service: $1"
""",
    "cmd": """
if [ "$1 $2" = "power set-fixed-performance-mode-enabled" ] && [ -e "$PHONE/fixed_performance" ]; then
  echo "$3" > "$PHONE/fixed_performance"
else
  echo "Unknown command: $2"
  exit 255
fi
""",
    "taskset": """
echo "$1" > "$PHONE/mask"
shift
exec $INTERPRETER "$@"
""",
}


@dataclass
class Files:
    """The double's folder: stand-in commands, and the files under /sys and /proc that describe the phone."""

    profile: Profile
    folder: Path
    started: float = field(default_factory=time.monotonic)
    runs: int = 0
    last_run: float = 0.0

    def create(self) -> None:
        """Write everything that does not change."""
        for name in ("bin", "properties", "dumpsys", "proc", "data/local/tmp"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for name, script in COMMANDS.items():
            file = self.folder / "bin" / name
            file.write_text(f"#!/bin/sh{script}")
            file.chmod(0o755)
        for name, value in self.profile.properties().items():
            (self.folder / "properties" / name).write_text(f"{value}\n")
        for core, frequency in enumerate(self.profile.frequencies):
            cpufreq = self.folder / f"sys/devices/system/cpu/cpu{core}/cpufreq"
            cpufreq.mkdir(parents=True, exist_ok=True)
            (cpufreq / "cpuinfo_max_freq").write_text(f"{frequency}\n")
            (cpufreq / "scaling_governor").write_text("schedutil\n")
        if self.profile.fixed_performance:
            (self.folder / "fixed_performance").write_text("false\n")

    def note_run(self) -> None:
        """A runner has ended."""
        self.runs += 1
        self.last_run = time.monotonic()

    def thermal_status(self) -> int:
        """Thermal status at this moment."""
        rested = time.monotonic() - self.last_run
        heated = 0 < self.runs <= self.profile.heating_runs
        if heated and (self.profile.cools_after is None or rested < self.profile.cools_after):
            return 3
        return self.profile.thermal_status(time.monotonic() - self.started)

    def update(self) -> None:
        """Write what changes with time."""
        seconds = time.monotonic() - self.started
        profile = self.profile
        (self.folder / "dumpsys/battery").write_text(
            "Current Battery Service state:\n  AC powered: false\n  USB powered: true\n  status: 2\n"
            f"  level: {profile.battery}\n  scale: 100\n  temperature: 301\n"
        )
        (self.folder / "dumpsys/thermalservice").write_text(
            f"IsStatusOverride: false\nThermal Status: {self.thermal_status()}\n"
        )
        asleep = profile.screen_off_after is not None and self.runs >= profile.screen_off_after
        (self.folder / "dumpsys/power").write_text(
            f"POWER MANAGER\n  mWakefulness={'Asleep' if asleep else 'Awake'}\n"
        )
        ticks = int(seconds * 100 * len(profile.frequencies))
        busy = int(ticks * profile.load)
        (self.folder / "proc/stat").write_text(f"cpu  {busy} 0 0 {ticks - busy} 0 0 0 0 0 0\n")

    def local(self, path: str) -> Path:
        """Where a path on the phone lies on this machine; never outside the folder.

        Raises:
            PermissionError: the path points outside.
        """
        local = (self.folder / path.lstrip("/")).resolve()
        if not local.is_relative_to(self.folder.resolve()):
            raise PermissionError(path)
        return local

    def translate(self, command: str) -> str:
        """A shell command with the phone's paths replaced by this machine's."""
        for root in ("/data/local/tmp", "/sys/devices/system/cpu", "/proc/stat"):
            command = command.replace(root, f"{self.folder}{root}")
        return command

    def used_bytes(self) -> int:
        """Bytes of everything that was pushed."""
        data = self.folder / "data"
        return sum(file.stat().st_size for file in data.rglob("*") if file.is_file())

    def environment(self) -> dict[str, str]:
        """Environment of a shell command."""
        path = f"{self.folder / 'bin'}:/usr/bin:/bin"
        return {"PATH": path, "PHONE": str(self.folder), "INTERPRETER": self.profile.interpreter, "HOME": "/"}

    def remove(self) -> None:
        """Remove the folder's contents."""
        shutil.rmtree(self.folder, ignore_errors=True)
