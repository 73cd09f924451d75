"""An exported model on disk: two TorchScript files, a manifest and recorded inputs. Imports no torch."""

import hashlib
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latency.errors import (
    ChecksumError,
    InputsError,
    ManifestError,
    MissingArtifactError,
    NotTorchScriptError,
)

FORMAT = 1
"""Version of the manifest's layout; a reader refuses versions that it does not know."""

FNV_OFFSET = 0xCBF29CE484222325
FNV_PRIME = 0x100000001B3

Inputs = Sequence[Sequence[Sequence[int]]]
"""Calls of the module; each call is a list of arguments, each argument the values of a 1-D int64 tensor."""


@dataclass(frozen=True)
class ArtifactFiles:
    """Where an artifact's files lie.

    Attributes:
        file: the TorchScript file to run, either `path` or `lite_path`.
    """

    file: Path

    @property
    def path(self) -> Path:
        """The frozen TorchScript file."""
        return self.file.with_suffix(".pt")

    @property
    def lite_path(self) -> Path:
        """The file for the lite interpreter."""
        return self.file.with_suffix(".ptl")

    @property
    def inputs_path(self) -> Path:
        """The file of recorded inputs, one JSON array a line."""
        return self.file.with_suffix(".inputs.jsonl")

    @property
    def manifest_path(self) -> Path:
        """The manifest's file."""
        return self.file.with_suffix(".json")


@dataclass(frozen=True)
class Artifact(ArtifactFiles):
    """An artifact whose files have been checked against its manifest.

    Attributes:
        manifest: what `latency.export.export` recorded (see there).
    """

    manifest: dict[str, Any]

    @property
    def parity_outputs(self) -> list[str]:
        """Checksums of the source module's outputs for the first inputs (see `output_checksum`)."""
        outputs: list[str] = self.manifest["parity"]["outputs"]
        return outputs

    @property
    def inputs_count(self) -> int:
        """Number of recorded inputs."""
        count: int = self.manifest["inputs"]["count"]
        return count

    @property
    def bundled_count(self) -> int:
        """Number of first inputs that the lite file carries as PyTorch's bundled inputs."""
        # Artifacts that were exported before there were any do not say.
        count: int = self.manifest.get("bundled_inputs", 0)
        return count

    def inputs(self) -> list[list[list[int]]]:
        """Read the recorded inputs.

        Raises:
            InputsError: the file is missing or a line is not a list of lists of integers.
        """
        return read_inputs(self.inputs_path)


def load_artifact(path: Path) -> Artifact:
    """Open an artifact by the path of its `.pt` or `.ptl` file and check every file against the manifest.

    Raises:
        MissingArtifactError: there is no such file.
        NotTorchScriptError: the file is not a TorchScript program.
        ManifestError: the manifest is missing, malformed or of an unknown format.
        InputsError: the recorded inputs are missing.
        ChecksumError: a file's SHA-256 differs from the manifest's.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingArtifactError(
            f"There is no artifact at '{path}'; give the .pt or .ptl file that an export has written."
        )
    check_torchscript(path)
    artifact = Artifact(path, _read_manifest(path.with_suffix(".json")))
    if not artifact.inputs_path.is_file():
        raise InputsError(
            f"The recorded inputs '{artifact.inputs_path}' are missing; export the model again to record "
            f"them."
        )
    for file in (path, artifact.inputs_path):
        recorded = artifact.manifest["files"].get(file.name, {}).get("sha256")
        if sha256(file) != recorded:
            raise ChecksumError(
                f"'{file}' is not the file that its manifest describes (SHA-256 differs); export the "
                f"model again."
            )
    return artifact


def check_torchscript(path: Path) -> None:
    """Refuse a file that is not a TorchScript program, without unpickling anything in it.

    A TorchScript file is a zip archive with a folder `code` or a `bytecode.pkl`; what `torch.save` writes
    has neither.

    Raises:
        NotTorchScriptError: the file is something else.
    """
    names: list[str] = []
    if path.suffix in {".pt", ".ptl"} and zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
        except zipfile.BadZipFile:
            names = []
    inner = {name.partition("/")[2] for name in names}
    wanted = "bytecode.pkl" if path.suffix == ".ptl" else "constants.pkl"
    if wanted not in inner or not any(name.startswith("code/") for name in inner):
        raise NotTorchScriptError(
            f"'{path}' is not a TorchScript file; give the .pt or .ptl file that an export has written."
        )


def _read_manifest(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ManifestError(
            f"The manifest '{path}' is missing; keep the files of an artifact together or export it again."
        )
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ManifestError(
            f"The manifest '{path}' is not JSON ({error}); export the model again."
        ) from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ManifestError(
            f"The manifest '{path}' has an unknown format (this version reads format {FORMAT}); export "
            f"the model again."
        )
    missing = {"files", "inputs", "parity", "parameters", "torch", "description"} - manifest.keys()
    if missing:
        raise ManifestError(
            f"The manifest '{path}' lacks {', '.join(sorted(missing))}; export the model again."
        )
    return manifest


def read_inputs(path: Path) -> list[list[list[int]]]:
    """Read recorded inputs.

    Raises:
        InputsError: the file is missing, empty, or a line is not a list of lists of integers.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputsError(f"The recorded inputs '{path}' cannot be read ({error}).") from error
    calls = []
    for number, line in enumerate(lines, start=1):
        try:
            call = json.loads(line)
        except ValueError:
            call = None
        if not _is_call(call):
            raise InputsError(
                f"Line {number} of '{path}' is not a list of lists of integers; export the model again."
            )
        calls.append(call)
    if not calls:
        raise InputsError(f"'{path}' holds no inputs; export the model with at least one.")
    return calls


def _is_call(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) > 0
        and all(isinstance(argument, list) and all(type(v) is int for v in argument) for argument in value)
    )


def write_inputs(path: Path, inputs: Inputs) -> None:
    """Write inputs, one JSON array a line, in the order given."""
    lines = (json.dumps([list(argument) for argument in call], separators=(",", ":")) for call in inputs)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def sha256(path: Path) -> str:
    """SHA-256 of a file's contents, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fnv1a(data: bytes, state: int = FNV_OFFSET) -> int:
    """64-bit FNV-1a hash, which the C++ runner computes too.

    Changing one byte always changes the hash, since every step is a bijection of the state. Source: Fowler,
    Noll and Vo, http://www.isthe.com/chongo/tech/comp/fnv.
    """
    for byte in data:
        state = ((state ^ byte) * FNV_PRIME) & 0xFFFFFFFFFFFFFFFF
    return state


def output_checksum(values: Sequence[int]) -> str:
    """FNV-1a, in hexadecimal, of an output's values (1-D int64) as little-endian 64-bit integers."""
    return f"{fnv1a(b''.join(v.to_bytes(8, 'little', signed=True) for v in values)):016x}"
