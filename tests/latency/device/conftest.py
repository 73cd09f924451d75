import os
import platform
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from latency.bundle_manifest import Bundle
from latency.device.adb import Adb
from latency.device.android import AndroidDevice, Patience
from latency.measurement import MeasurementPlan
from latency.runner.stream import RunRequest, Warmup
from latency.testing import PLAIN, Faults, PhoneDouble, Profile

ABI = {"x86_64": "x86_64", "aarch64": "arm64-v8a"}[platform.machine()]
REQUEST = RunRequest(first=3, runs=60, checked=10, warmup=Warmup(window=10))
PLAN = MeasurementPlan(runs=500, blocks=2, warmup=Warmup(window=10))
HERE = replace(PLAIN, abi=ABI)
# For what no version of adb has a part in.
one_client = pytest.mark.parametrize("client", ["system"], indirect=True)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the locks of the doubles out of the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def clients() -> dict[str, str | None]:
    """Programs called adb of two generations: the system's and the one inside adbutils."""
    try:
        import adbutils
    except ImportError:
        newer = None
    else:
        newer = str(Path(adbutils.__file__).parent / "binaries" / "adb")
    return {"system": shutil.which("adb"), "adbutils": newer}


@pytest.fixture(scope="module", params=["system", "adbutils"])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Adb]:
    program = clients()[request.param]
    if program is None:
        pytest.skip(f"no adb of this kind: {request.param}")
    with own_client(program, tmp_path_factory.mktemp("home")) as adb:
        yield adb


@contextmanager
def own_client(program: str, home: Path) -> Iterator[Adb]:
    """An adb with keys, a server and a port of its own, so that it meets neither phones nor servers of this
    machine.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        "HOME": str(home),
        "ANDROID_ADB_SERVER_PORT": str(port),
        # The server would look for emulators on ports 5555 to 5585.
        "ADB_LOCAL_TRANSPORT_MAX_PORT": "5",
    }
    yield Adb(program, environment=environment)
    subprocess.run(
        [program, "kill-server"],
        env={**os.environ, **environment},
        capture_output=True,
        timeout=30,
        check=False,
    )


@pytest.fixture
def adb(client: Adb) -> Iterator[Adb]:
    """The client without a chosen phone; every phone is disconnected afterwards."""
    fresh = Adb(client.program, environment=client.environment)
    yield fresh
    fresh.serial = None
    fresh.run(["disconnect"], timeout=30)


Phones = Callable[..., PhoneDouble]


@pytest.fixture
def phones(tmp_path: Path) -> Iterator[Phones]:
    """Start doubles, each in a folder of its own."""
    with ExitStack() as stack:
        started: list[PhoneDouble] = []

        def start(profile: Profile = PLAIN, faults: Faults | None = None) -> PhoneDouble:
            double = PhoneDouble(profile, tmp_path / f"phone{len(started)}", faults)
            started.append(stack.enter_context(double))
            return double

        yield start


@pytest.fixture(scope="session")
def bundle(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle of the host's runner, which finds its libraries by absolute paths."""
    folder = tmp_path_factory.mktemp("bundle")
    shutil.copy(program, folder / "latency_runner")
    made = Bundle.describe(folder, abi=ABI, torch="host", command=("./latency_runner",))
    made.save()
    return made


Attach = Callable[..., AndroidDevice]


@pytest.fixture
def attach(adb: Adb, bundle: Bundle) -> Attach:
    """A device for a double, not yet open."""

    def make(
        phone: PhoneDouble, suppress: list[str] | None = None, patience: Patience | None = None
    ) -> AndroidDevice:
        patience = patience or Patience(timeout=60, cooling=10)
        return AndroidDevice(
            str(bundle.path), address=phone.address, suppress=suppress, patience=patience, adb=adb
        )

    return make
