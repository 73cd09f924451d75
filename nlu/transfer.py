"""Begin a training with another parser's weights: a second round, or domains with labels of their own."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import datasets
from torch import Tensor

from nlu.errors import ConfigError
from nlu.model.base import ParserModel, Sizes
from nlu.model.config import ModelConfig, build_model, sizes_of
from nlu.ontology import Ontology
from nlu.parser import Parser, load_parser
from nlu.span import SpanToken, target_of

log = logging.getLogger(__name__)


def started_parser(path: str | Path, model_config: ModelConfig, rows: datasets.Dataset) -> Parser:
    """Make a parser with another one's weights and tokenizer; dropout and the beam may differ.

    Labels, lengths and templates of the train split that the other parser lacks are added to its own, with
    fresh weights, and so is a rescorer.

    Raises:
        ParserFileError: there is no parser at the path.
        ConfigError: the model has another shape.
    """
    parser = load_parser(path)
    weights = parser.model.state_dict()
    if not _fits(weights, build_model(model_config, parser.sizes).state_dict()):
        raise ConfigError(
            f"trainer.start={path}: the parser has another shape than the model; train with the architecture "
            f"and shape of the parser: {parser.config.as_dict()}."
        )
    targets = [target_of(target) for target in rows["target"]]
    ontology = Ontology.of([parser.ontology.tokens, *targets])
    if added := len(ontology) - len(parser.ontology):
        log.info("%d labels of the train split are new to the parser at %s", added, path)
    sizes = _grown(parser, ontology, targets)
    model = build_model(model_config, sizes)
    _copy(weights, model, _places(parser.ontology, ontology))
    return Parser(model, model_config, parser.tokenizer, ontology, sizes)


def _fits(weights: Mapping[str, Tensor], fresh: Mapping[str, Tensor]) -> bool:
    """Tell whether weights have the shapes of fresh ones, a rescorer's apart that they lack."""
    return {name: tensor.shape for name, tensor in weights.items()} == {
        name: tensor.shape
        for name, tensor in fresh.items()
        if name in weights or not name.startswith("rescorer.")
    }


def _places(old: Ontology, new: Ontology) -> list[int]:
    """Return the new id of each old one, and of the one after them."""
    return [*(new.ids[token] for token in old.tokens), len(new)]


def _grown(parser: Parser, ontology: Ontology, targets: Sequence[Sequence[SpanToken]]) -> Sizes:
    """Return a parser's sizes with room for targets of the train split; what it has keeps its place."""
    old = parser.sizes
    new = sizes_of(parser.config, old.vocab_size, ontology, [ontology.encode(target) for target in targets])
    places = _places(parser.ontology, ontology)
    templates = [tuple(places[token] for token in template) for template in old.templates]
    return replace(
        new,
        max_length=max(old.max_length, new.max_length),
        max_text_length=max(old.max_text_length, new.max_text_length),
        templates=tuple(dict.fromkeys([*templates, *new.templates])),
    )


def _copy(weights: Mapping[str, Tensor], model: ParserModel, places: Sequence[int]) -> None:
    """Write a parser's weights into a model that may have more labels, lengths and templates."""
    new = model.state_dict()
    for name, old in weights.items():
        # Rows are labels here; elsewhere they are lengths, positions or templates, whose new ones come last.
        by_label = "pointer.ontology." in name or name.endswith("tokens.weight")
        new[name][places[: len(old)] if by_label else slice(len(old))] = old
