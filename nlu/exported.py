"""An exported artifact as a parser's model: TorchScript and its manifest, no code of the architecture."""

import json
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nlu.batches import Batch
from nlu.errors import ParserFileError
from nlu.model.base import Hypothesis, ParserModel


class Exported(ParserModel):
    """A module that `latency.export` has written; it parses and cannot be trained.

    Args:
        module: as it was loaded.
        parameters: how many it had before it was frozen.
    """

    def __init__(self, module: torch.jit.ScriptModule, parameters: int) -> None:
        super().__init__()
        self.module = module
        self.beam = 1
        self.size = parameters

    def parameter_count(self) -> int:
        """Return what the manifest says: a frozen module has no parameters."""
        return self.size

    def forward(self, pieces: Tensor, word_starts: Tensor) -> Tensor:
        """Parse one utterance; see `ParserModel.forward`."""
        output: Tensor = self.module(pieces, word_starts)
        return output

    def search(self, pieces: Tensor, word_starts: Tensor, beam: int) -> list[tuple[list[int], float]]:
        """Parse one utterance into several frames; see `ParserModel.search`."""
        hypotheses: list[tuple[list[int], float]] = self.module.search(pieces, word_starts, beam)
        return hypotheses

    def predict(self, batch: Batch, count: int) -> list[list[Hypothesis]]:
        """Parse a batch, one utterance after the other; see `ParserModel.predict`."""
        return [
            self.search(pieces[piece_mask], starts[word_mask], count)[:count]
            for pieces, piece_mask, starts, word_mask in zip(
                batch.pieces, batch.piece_mask, batch.word_starts, batch.word_mask, strict=True
            )
        ]


def is_exported(file: Path) -> bool:
    """Tell whether a file is TorchScript."""
    if not zipfile.is_zipfile(file):
        return False
    with zipfile.ZipFile(file) as archive:
        return any("/code/" in name for name in archive.namelist())


def read_exported(file: Path) -> tuple[Exported, dict[str, Any]]:
    """Read an artifact and the description in the manifest beside it.

    Raises:
        ParserFileError: the manifest is missing or of something else, or the module cannot be read.
    """
    manifest = file.with_suffix(".json")
    try:
        content = json.loads(manifest.read_text(encoding="utf-8"))
        description, parameters = dict(content["description"]), int(content["parameters"])
        with warnings.catch_warnings():
            # The one warning that TorchScript's whole interface gives since torch 2.10.
            warnings.filterwarnings("ignore", "`torch.jit", DeprecationWarning)
            module = torch.jit.load(str(file), map_location="cpu")  # type: ignore[no-untyped-call]
    except FileNotFoundError as error:
        raise ParserFileError(
            f"{file} is an exported artifact without its manifest; put {manifest.name} beside it."
        ) from error
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ParserFileError(f"{file} is a damaged artifact; export the parser again.") from error
    if not hasattr(module, "search") or "tokenizer" not in description:
        raise ParserFileError(
            f"{file} does not hold all that a parser needs; give the .pt that latency.export has written, "
            "or export the parser again."
        )
    return Exported(module, parameters), description
