"""Distillation (Hinton et al. 2015): a parser learns from others' probabilities beside the annotated frames.

Several parsers of different seeds know more than each of them, and what they know fits into one.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from nlu.batches import Batch
from nlu.errors import ConfigError
from nlu.model.base import Smoothing
from nlu.parser import Parser, load_parser

# The least log-probability that counts: a word that does not exist has none.
_LEAST = -30.0


class Teachers:
    """Trained parsers whose mean probabilities another one learns.

    Args:
        parsers: at least one, of the same ontology, tokenizer and decisions as the pupil.
    """

    def __init__(self, parsers: Sequence[Parser]) -> None:
        self._models = [parser.model.eval().requires_grad_(False) for parser in parsers]

    def losses(self, batch: Batch, decisions: Sequence[Tensor]) -> list[Tensor]:
        """Return the mean cross-entropy of each kind of decision.

        Args:
            batch: with targets.
            decisions: the pupil's log-probabilities, as `nlu.model.base.Losses` has them.
        """
        with torch.no_grad():
            told = [model.losses(batch, Smoothing()).decisions for model in self._models]
        return [
            -(torch.stack(theirs).float().exp().mean(dim=0) * ours.float().clamp(min=_LEAST)).sum()
            / max(len(ours), 1)
            for ours, theirs in zip(decisions, zip(*told, strict=True), strict=True)
        ]


def load_teachers(paths: Sequence[str | Path], pupil: Parser) -> Teachers | None:
    """Load the parsers that a pupil learns from; None where there are none.

    Args:
        paths: each a training run's folder or its parser.pt.
        pupil: the parser to train.

    Raises:
        ParserFileError: there is no parser at a path.
        ConfigError: a parser does not decide what the pupil does.
    """
    teachers = [load_parser(path) for path in paths]
    for path, teacher in zip(paths, teachers, strict=True):
        alike = {
            "tokenizer": teacher.tokenizer.model == pupil.tokenizer.model,
            "set of labels": teacher.ontology == pupil.ontology,
            "set of lengths or templates": teacher.sizes == pupil.sizes,
            "architecture": teacher.config.architecture == pupil.config.architecture,
            "rescorer": bool(teacher.config.rescorer.num_layers) == bool(pupil.config.rescorer.num_layers),
        }
        if different := [name for name, same in alike.items() if not same]:
            raise ConfigError(
                f"trainer.teachers: the parser at {path} has another {' and '.join(different)}; "
                "train teachers on the same data with the same tokenizer, architecture and rescorer."
            )
    return Teachers(teachers) if teachers else None
