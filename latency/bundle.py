"""Make a folder with the runner that works on a phone without an app, a toolchain for Android or root.

    python -m latency.bundle abi=arm64-v8a out=DIR
    python -m latency.bundle abi=x86_64 out=DIR        # for Android Studio's emulator

A shell on a phone may run any program that brings its own loader and libraries. So the bundle holds the
runner, built by the host's cross compiler, the libraries of a Linux build of torch, and the C and C++
runtime that they need. What has to be downloaded is kept in `cache`; the next bundle is made without a
network.
"""

import importlib.metadata
import platform
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig

from latency.bundle_manifest import Bundle
from latency.errors import BundleError
from latency.runner.compile import SOURCE, installed_torch
from paretoparse.cli import hydra_main

ARM64_TORCH = "2.9.1"
"""The last torch whose aarch64 wheel on PyPI is built for the CPU alone."""


@dataclass(frozen=True)
class Toolchain:
    """What a bundle for one architecture is made of and with.

    Attributes:
        prefix: of the compiler's tools, e.g. `aarch64-linux-gnu-`.
        packages: Debian packages that bring the compiler, for the message when it is missing.
        torch: folder of a torch with `include` and `lib`.
        version: that torch's version.
        libraries: folders in which libraries are looked for, the first that has one wins.
    """

    prefix: str
    packages: str
    torch: Path
    version: str
    libraries: tuple[Path, ...]


def make_bundle(abi: str, out: Path, cache: Path) -> Bundle:
    """Make a bundle.

    Args:
        abi: `arm64-v8a` or `x86_64`.
        out: folder to write into; new or empty, or an older bundle, which is replaced.
        cache: folder for downloads.

    Raises:
        BundleError: the architecture is unknown, a tool is missing, or a download or the build fails.
    """
    if out.exists() and any(out.iterdir()) and not (out / "bundle.json").is_file():
        raise BundleError(f"'{out}' is not empty and no bundle; give another folder with out=DIR.")
    toolchain = _toolchain(abi, cache)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    runner = out / "latency_runner"
    _compile(toolchain, runner)
    loader = _collect(toolchain, runner, out)
    for file in out.iterdir():
        _run([f"{toolchain.prefix}strip", "--strip-unneeded", str(file)])
    command = (f"./{loader}", "--library-path", ".", "./latency_runner")
    bundle = Bundle.describe(out, abi=abi, torch=toolchain.version, command=command)
    bundle.save()
    return bundle


def _toolchain(abi: str, cache: Path) -> Toolchain:
    if abi == "arm64-v8a":
        prefix, packages = "aarch64-linux-gnu-", "g++-aarch64-linux-gnu"
        _require(f"{prefix}g++", packages)
        unpacked = _fetch_torch(cache)
        zlib = _fetch_debian(cache, "zlib1g", "arm64")
        sysroot = Path("/usr/aarch64-linux-gnu/lib")
        folders = (unpacked / "torch/lib", unpacked / "torch.libs", sysroot, zlib)
        return Toolchain(prefix, packages, unpacked / "torch", ARM64_TORCH, folders)
    if abi == "x86_64":
        if platform.machine() != "x86_64":
            raise BundleError(
                "A bundle for x86_64 is made on an x86_64 machine only; use one, or abi=arm64-v8a."
            )
        _require("g++", "g++")
        folder, version = installed_torch(), importlib.metadata.version("torch")
        system = (Path("/lib/x86_64-linux-gnu"), Path("/usr/lib/x86_64-linux-gnu"), Path("/lib64"))
        return Toolchain("", "g++", folder, version, (folder / "lib", *system))
    raise BundleError(f"abi must be arm64-v8a or x86_64; got '{abi}'.")


def _fetch_torch(cache: Path) -> Path:
    """The unpacked aarch64 wheel of torch, downloaded by pip on first use."""
    unpacked = cache / f"torch-{ARM64_TORCH}-aarch64"
    if unpacked.is_dir():
        return unpacked
    cache.mkdir(parents=True, exist_ok=True)
    if not list(cache.glob(f"torch-{ARM64_TORCH}-*aarch64.whl")):
        print(f"downloading torch=={ARM64_TORCH} for manylinux_2_28_aarch64 by pip (104 MB) into {cache}")
        options = ["--no-deps", "--only-binary=:all:", "--python-version=3.11", "--implementation=cp"]
        target = ["--platform", "manylinux_2_28_aarch64", "--dest", str(cache), f"torch=={ARM64_TORCH}"]
        _run([sys.executable, "-m", "pip", "download", "--quiet", *options, *target])
    wheel = next(cache.glob(f"torch-{ARM64_TORCH}-*aarch64.whl"))
    partial = unpacked.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    wanted = ("torch/lib/", "torch/include/", "torch.libs/")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(partial, [name for name in archive.namelist() if name.startswith(wanted)])
    partial.rename(unpacked)
    return unpacked


def _fetch_debian(cache: Path, package: str, architecture: str) -> Path:
    """The libraries of a Debian package of another architecture, downloaded by apt without changing the
    system.
    """
    unpacked = cache / f"{package}-{architecture}"
    if not unpacked.is_dir():
        _require("apt-get", "apt")
        print(f"downloading {package}:{architecture} by apt-get into {cache}")
        lists = (cache / "apt").resolve()
        (lists / "partial").mkdir(parents=True, exist_ok=True)
        options = [f"APT::Architecture={architecture}", f"APT::Architectures={architecture}"]
        options += [f"Dir::State::Lists={lists}", "Dir::Cache::pkgcache=", "Dir::Cache::srcpkgcache="]
        apt = ["apt-get", "-qq", *(word for option in options for word in ("-o", option))]
        _run([*apt, "update"])
        _run([*apt, "download", package], cwd=cache)
        archive = next(cache.glob(f"{package}_*_{architecture}.deb"))
        partial = unpacked.with_suffix(".partial")
        _run(["dpkg", "-x", str(archive), str(partial)])
        partial.rename(unpacked)
    return next(folder for folder in unpacked.rglob("*-linux-gnu") if list(folder.glob("*.so*")))


def _compile(toolchain: Toolchain, runner: Path) -> None:
    torch = toolchain.torch
    includes = [f"-I{torch / 'include'}", f"-I{torch / 'include/torch/csrc/api/include'}"]
    libraries = [f"-L{torch / 'lib'}", "-Wl,--no-as-needed", "-ltorch", "-ltorch_cpu", "-lc10"]
    # The libraries' own needs are met when the phone loads them.
    flags = ["-O2", "-std=c++20", "-w", "-Wl,--unresolved-symbols=ignore-in-shared-libs"]
    source = str(SOURCE / "benchmark.cpp")
    _run([f"{toolchain.prefix}g++", *flags, *includes, source, *libraries, "-o", str(runner)])


def _collect(toolchain: Toolchain, runner: Path, out: Path) -> str:
    """Copy whatever the runner needs, directly or not, next to it; returns the name of its loader."""
    readelf = f"{toolchain.prefix}readelf"
    interpreter = _run([readelf, "-l", str(runner)]).partition("program interpreter: ")[2]
    loader = Path(interpreter.partition("]")[0]).name
    waiting = [loader, *_needed(readelf, runner)]
    while waiting:
        name = waiting.pop()
        if (out / name).exists():
            continue
        found = next((folder / name for folder in toolchain.libraries if (folder / name).is_file()), None)
        if found is None:
            raise BundleError(f"The library {name} was not found; install {toolchain.packages} again.")
        shutil.copyfile(found, out / name)
        waiting += _needed(readelf, found)
    return loader


def _needed(readelf: str, file: Path) -> list[str]:
    lines = [line for line in _run([readelf, "-d", str(file)]).splitlines() if "(NEEDED)" in line]
    return [line.partition("[")[2].partition("]")[0] for line in lines]


def _require(program: str, package: str) -> None:
    if shutil.which(program) is None:
        raise BundleError(f"'{program}' is missing; install it with 'apt-get install {package}'.")


def _run(command: Sequence[str], cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        reason = lines[-1].strip() if lines else f"exit code {done.returncode}"
        raise BundleError(f"{Path(command[0]).name} failed while making the bundle: {reason}")
    return done.stdout


@hydra_main("bundle", __doc__)
def main(config: DictConfig) -> None:
    """Make the bundle that the configuration names and say how big it is."""
    if config.out is None:
        raise BundleError("No folder was named; add out=DIR.")
    bundle = make_bundle(str(config.abi), Path(str(config.out)), Path(str(config.cache)))
    size = sum((bundle.path / name).stat().st_size for name in bundle.hashes)
    print(
        f"{bundle.path}: {len(bundle.hashes)} files, {size / 1e6:.0f} MB, torch {bundle.torch}, {bundle.abi}"
    )


if __name__ == "__main__":
    main()
