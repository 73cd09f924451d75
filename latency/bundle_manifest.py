"""What a bundle for phones consists of, and how one is opened. See `latency.bundle` for how one is made."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from latency.artifact import sha256
from latency.errors import BundleError

FORMAT = 1
NAME = "bundle.json"


@dataclass(frozen=True)
class Bundle:
    """A folder with the runner and whatever it needs.

    Attributes:
        path: the folder.
        abi: Android's name of the architecture, `arm64-v8a` or `x86_64`; None where only a phone can tell.
        torch: version of the libraries in it; None where it is not known.
        command: how to start the runner inside the folder.
        hashes: SHA-256 of each file, by name.
    """

    path: Path
    abi: str | None
    torch: str | None
    command: tuple[str, ...]
    hashes: dict[str, str]

    @property
    def identity(self) -> str:
        """16 hexadecimal digits that change with any file."""
        listed = json.dumps([self.command, self.hashes], sort_keys=True)
        return hashlib.sha256(listed.encode()).hexdigest()[:16]

    def save(self) -> None:
        """Write the manifest into the folder."""
        record = {
            "format": FORMAT,
            "abi": self.abi,
            "torch": self.torch,
            "command": self.command,
            "files": self.hashes,
        }
        (self.path / NAME).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def describe(cls, path: Path, *, abi: str, torch: str, command: tuple[str, ...]) -> Self:
        """The bundle that a folder's files make."""
        files = sorted(file for file in path.iterdir() if file.is_file() and file.name != NAME)
        return cls(path, abi, torch, command, {file.name: sha256(file) for file in files})

    @classmethod
    def load(cls, path: str | Path | None) -> Self:
        """Open a bundle and check its files.

        Raises:
            BundleError: no bundle was named, or it is missing or damaged.
        """
        if path is None:
            raise BundleError(
                "No bundle was named; make one with 'python -m latency.bundle abi=arm64-v8a out=DIR' and set "
                "device.bundle=DIR."
            )
        folder = Path(path)
        try:
            record = json.loads((folder / NAME).read_text(encoding="utf-8"))
            if record["format"] != FORMAT:
                raise BundleError(f"The bundle '{folder}' has an unknown format; make it again.")
            bundle = cls(
                folder, record["abi"], record["torch"], tuple(record["command"]), dict(record["files"])
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BundleError(
                f"'{folder}' is not a bundle ({type(error).__name__}); make one with 'python -m "
                f"latency.bundle'."
            ) from error
        for name, digest in bundle.hashes.items():
            file = folder / name
            if not file.is_file() or sha256(file) != digest:
                raise BundleError(f"The bundle's file '{file}' is missing or damaged; make the bundle again.")
        return bundle
