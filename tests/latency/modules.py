"""A small scriptable module with a parser's interface, for the tests of this package."""

import random
from pathlib import Path

import torch

from latency.artifact import Artifact
from latency.export import ExportSource, export


class Tagger(torch.nn.Module):
    """Embeds pieces, mixes neighbours, sums pieces to words and picks a tag for each word."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding = torch.nn.Embedding(50, 16)
        self.mix = torch.nn.Conv1d(16, 16, 3, padding=1)
        self.tag = torch.nn.Linear(16, 20)

    def forward(self, pieces: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        hidden = self.mix(self.embedding(pieces).t().unsqueeze(0))[0].t()
        summed = torch.zeros(int(words.max()) + 1, hidden.size(1)).index_add(0, words, hidden)
        return self.tag(summed).argmax(1)


class Crashing(torch.nn.Module):
    """Works for short inputs and fails for one that is longer than any parity input."""

    def forward(self, pieces: torch.Tensor) -> torch.Tensor:
        if pieces.size(0) > 5:
            raise ValueError("too long for me")
        return pieces + 1


class Modal(torch.nn.Module):
    """Answers differently once it is scripted."""

    def forward(self, pieces: torch.Tensor) -> torch.Tensor:
        if torch.jit.is_scripting():
            return pieces + 1
        return pieces


class Slow(torch.nn.Module):
    """Adds up a million numbers as often as its input says."""

    def forward(self, times: torch.Tensor) -> torch.Tensor:
        total = torch.zeros(1000, 1000)
        for _ in range(int(times)):
            total = total + torch.ones(1000, 1000)
        return times + total.sum().long() * 0


def real_inputs(count: int = 20, seed: int = 0) -> list[list[list[int]]]:
    """Calls of `Tagger` with 3 to 12 pieces."""
    generator = random.Random(seed)
    calls = []
    for _ in range(count):
        length = generator.randint(3, 12)
        calls.append(
            [
                [generator.randrange(50) for _ in range(length)],
                sorted([0] + [generator.randrange(3) for _ in range(length - 1)]),
            ]
        )
    return calls


def source(parser: str = "tagger") -> ExportSource:
    """What `source._target_` of the configuration can name."""
    return ExportSource(Tagger().eval(), real_inputs(), {"parser": parser})


def export_tagger(directory: Path) -> Artifact:
    """An artifact of `Tagger`."""
    return export(source(), directory)


def failing() -> ExportSource:
    """A source that finds its parser missing."""
    raise FileNotFoundError("no such parser")
