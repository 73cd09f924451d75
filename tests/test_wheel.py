"""What is installed is complete."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.composing import CONF, ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    # A copy, since the build leaves files behind.
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in files:
        if (ROOT / name).exists():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_symlink():
                (source / name).symlink_to((ROOT / name).readlink())
            else:
                (source / name).write_bytes((ROOT / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(source)], check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_a_wheel_holds_the_configuration_and_runs_without_the_repository(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        archive.extractall(tmp_path)
    configured = {f"paretoparse/conf/{file.relative_to(CONF)}" for file in CONF.rglob("*.yaml")}
    assert configured <= held
    assert {"latency/runner/benchmark.cpp", "nlu/data/grammar.txt", "nlu/models/topv2/parser.pt"} <= held
    assert "nas/benchmark/nlu24/data/surrogate.npz" in held
    # The folder in which it is unpacked comes before this repository, which is installed.
    command = [sys.executable, "-m", "latency.bundle", "--cfg", "job"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.startswith("abi: arm64-v8a"), done.stderr
    command = [sys.executable, "-m", "nlu.predict", "text=set an alarm for 7am"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert "[IN:CREATE_ALARM" in done.stdout, done.stderr
    code = (
        "import sys; from nas.benchmark.nlu24 import NLU24; bench = NLU24();"
        "print(bench.predict([bench.reference])['exact_match'][0] > 70, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "True False\n", done.stderr
