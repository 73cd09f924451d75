"""What a project hands over for export, in a module of its own so that it is one class for every caller."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from latency.artifact import Inputs


@dataclass(frozen=True)
class ExportSource:
    """What a project hands over for export.

    Attributes:
        module: a scriptable module in evaluation mode; `forward` takes 1-D int64 tensors and returns one.
        inputs: real calls of the module, of mixed length and in a fixed order; they are what gets timed.
        description: whatever should travel with the artifact (JSON-able), e.g. the ontology and the
            tokenizer.
        methods: of the module to keep beside `forward` in the `.pt` file, exported to TorchScript by it.
    """

    module: torch.nn.Module
    inputs: Inputs
    description: dict[str, Any]
    methods: Sequence[str] = ()
