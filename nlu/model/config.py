"""The model's shape, checked: what `conf/model/span_pointer.yaml` must hold, and the module built from it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from nlu.errors import ConfigError
from nlu.model.autoregressive import Autoregressive
from nlu.model.base import ParserModel, Sizes
from nlu.model.bilstm_pointer import BiLstmPointer
from nlu.model.causal import CausalDecoder
from nlu.model.decoder import Decoder
from nlu.model.embedding import PieceEmbedding
from nlu.model.encoder import Encoder
from nlu.model.length import CONV_HEADS, POOLING_HEADS, LengthModule
from nlu.model.nar_text import NarText, to_text
from nlu.model.pointer import PointerHead
from nlu.model.span_pointer import SpanPointer
from nlu.model.template import Template
from nlu.ontology import Ontology
from paretoparse.checks import BELOW_ONE, COUNT, Range

OnePass = TypeVar("OnePass", bound=SpanPointer)


@dataclass
class EncoderConfig:
    """See `nlu.model.encoder.Encoder`."""

    num_layers: int
    ffn_dim: int
    max_kernel: int
    conv_heads: int
    attention_heads: int
    dropout: float


@dataclass
class DecoderConfig:
    """See `nlu.model.decoder.Decoder`."""

    num_layers: int
    ffn_dim: int
    max_kernel: int
    conv_heads: int
    attention_heads: int
    cross_attention_heads: int
    dropout: float


@dataclass
class PointerConfig:
    """See `nlu.model.pointer.PointerHead`."""

    heads: int


@dataclass
class LengthConfig:
    """See `nlu.model.length.LengthModule`; `beam` is the number of lengths that are decoded and ranked."""

    conv_dim: int
    dropout: float
    beam: int


@dataclass
class RescorerConfig:
    """Causal layers that judge the hypotheses of a span pointer; the rest is as in its decoder."""

    num_layers: int = 0


@dataclass
class ModelConfig:
    """A parser but for the sizes that the data gives; `architecture` is one of `ARCHITECTURES`."""

    architecture: str
    embed_dim: int
    embedding_dropout: float
    encoder: EncoderConfig
    decoder: DecoderConfig
    pointer: PointerConfig
    length: LengthConfig
    rescorer: RescorerConfig = field(default_factory=RescorerConfig)

    @classmethod
    def of(cls, config: DictConfig | Mapping[str, Any]) -> "ModelConfig":
        """Check a mapping, such as the node `model` of a composed configuration.

        Raises:
            ConfigError: a key is missing, unknown or of another type, or a value cannot work; the message
                has its full name, the value and what is allowed.
        """
        try:
            node = config if isinstance(config, DictConfig) else OmegaConf.create(dict(config))
            model = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(cls), node))
        except OmegaConfBaseException as error:
            reason = str(error).splitlines()[0]
            raise ConfigError(f"model.{error.full_key}: {reason}") from error
        assert isinstance(model, cls)
        model.check()
        return model

    def as_dict(self) -> dict[str, Any]:
        """Return plain nested dictionaries; the inverse of `of`."""
        return asdict(self)

    def check(self) -> None:
        """Raise `ConfigError` for the first value that cannot work."""
        if self.architecture not in ARCHITECTURES:
            names = ", ".join(ARCHITECTURES)
            raise ConfigError(f"model.architecture={self.architecture}: takes {names}.")
        for name, value, allowed, fits in self._rules():
            if not fits:
                raise ConfigError(f"model.{name}={value} is out of range: it must be {allowed}.")

    def _rules(self) -> list[tuple[str, float, str, bool]]:
        """Return a full name, value, range in words, and verdict for every setting."""
        dim, encoder, decoder = self.embed_dim, self.encoder, self.decoder
        rules: list[tuple[str, float, str, bool]] = []

        def within(name: str, value: float, allowed: Range) -> None:
            rules.append((name, value, str(allowed), value in allowed))

        def odd(name: str, value: int) -> None:
            rules.append((name, value, "an odd integer of at least 3", value >= 3 and value % 2 == 1))

        def divides(name: str, value: int, total: int, optional: bool = False) -> None:
            none = optional and value == 0
            words = f"a divisor of {total}" + (", or 0 for none" if optional else "")
            rules.append((name, value, words, none or (value >= 1 and total % value == 0)))

        within("embed_dim", dim, Range(low=2, whole=True))
        within("embedding_dropout", self.embedding_dropout, BELOW_ONE)
        for part, stack in (("encoder", encoder), ("decoder", decoder)):
            within(f"{part}.num_layers", stack.num_layers, COUNT)
            within(f"{part}.ffn_dim", stack.ffn_dim, COUNT)
            odd(f"{part}.max_kernel", stack.max_kernel)
            divides(f"{part}.conv_heads", stack.conv_heads, dim)
            divides(f"{part}.attention_heads", stack.attention_heads, dim, optional=True)
            within(f"{part}.dropout", stack.dropout, BELOW_ONE)
        divides("decoder.cross_attention_heads", decoder.cross_attention_heads, dim)
        divides("pointer.heads", self.pointer.heads, dim)
        rules.append(("embed_dim", dim, f"a multiple of {POOLING_HEADS}", dim % POOLING_HEADS == 0))
        within("length.beam", self.length.beam, COUNT)
        within("rescorer.num_layers", self.rescorer.num_layers, Range(whole=True))
        within("length.dropout", self.length.dropout, BELOW_ONE)
        conv_dim = self.length.conv_dim
        fits = conv_dim >= CONV_HEADS and conv_dim % CONV_HEADS == 0
        rules.append(("length.conv_dim", conv_dim, f"a positive multiple of {CONV_HEADS}", fits))
        return rules


def sizes_of(config: ModelConfig, vocab_size: int, ontology: Ontology, targets: Sequence[list[int]]) -> Sizes:
    """Return what a train split, its targets as ids, and its tokenizer and ontology give a model."""
    size = len(ontology)
    shapes = {tuple(min(token, size) for token in target) for target in targets}
    return Sizes(
        vocab_size,
        ontology.intents,
        size,
        max(map(len, targets)),
        max(len(to_text(target, size)) for target in targets),
        tuple(sorted(shapes)) if config.architecture == "template" else (),
    )


def build_model(config: ModelConfig, sizes: Sizes) -> ParserModel:
    """Build the module of the configured architecture and shape for data of the given sizes."""
    return ARCHITECTURES[config.architecture](config, sizes)


def _encoder(config: ModelConfig, sizes: Sizes) -> Encoder:
    return Encoder(
        sizes.vocab_size,
        config.embed_dim,
        embedding_dropout=config.embedding_dropout,
        **asdict(config.encoder),
    )


def _span_pointer(config: ModelConfig, sizes: Sizes) -> SpanPointer:
    model = _one_pass(SpanPointer, config, sizes, sizes.max_length, sizes.max_length // 2 + 1)
    if layers := config.rescorer.num_layers:
        model.rescorer = _causal_decoder(config, sizes, layers)
    return model


def _nar_text(config: ModelConfig, sizes: Sizes) -> NarText:
    return _one_pass(NarText, config, sizes, sizes.max_text_length, sizes.max_text_length + 1)


def _one_pass(
    kind: type[OnePass], config: ModelConfig, sizes: Sizes, max_length: int, classes: int
) -> OnePass:
    dim = config.embed_dim
    return kind(
        _encoder(config, sizes),
        LengthModule(
            dim,
            conv_dim=config.length.conv_dim,
            classes=classes,
            dropout=config.length.dropout,
        ),
        Decoder(dim, max_length, embedding_dropout=config.embedding_dropout, **asdict(config.decoder)),
        PointerHead(dim, sizes.ontology_size, config.pointer.heads),
        beam=config.length.beam,
        intents=sizes.intents,
    )


def _causal_decoder(config: ModelConfig, sizes: Sizes, num_layers: int) -> CausalDecoder:
    decoder = config.decoder
    return CausalDecoder(
        PointerHead(config.embed_dim, sizes.ontology_size, config.pointer.heads),
        config.embed_dim,
        num_layers=num_layers,
        ffn_dim=decoder.ffn_dim,
        heads=max(decoder.attention_heads, 1),
        cross_heads=decoder.cross_attention_heads,
        dropout=decoder.dropout,
        max_length=sizes.max_length,
    )


def _autoregressive(config: ModelConfig, sizes: Sizes) -> Autoregressive:
    return Autoregressive(
        _encoder(config, sizes),
        _causal_decoder(config, sizes, config.decoder.num_layers),
        max_length=sizes.max_length,
        beam=config.length.beam,
        intents=sizes.intents,
    )


def _bilstm_pointer(config: ModelConfig, sizes: Sizes) -> BiLstmPointer:
    dim = config.embed_dim
    return BiLstmPointer(
        PieceEmbedding(sizes.vocab_size, dim, config.embedding_dropout),
        PointerHead(dim, sizes.ontology_size, config.pointer.heads),
        dim,
        num_layers=config.encoder.num_layers,
        cross_heads=config.decoder.cross_attention_heads,
        dropout=config.encoder.dropout,
        max_length=sizes.max_length,
        intents=sizes.intents,
    )


def _template(config: ModelConfig, sizes: Sizes) -> Template:
    dim, length = config.embed_dim, config.length
    return Template(
        _encoder(config, sizes),
        LengthModule(dim, conv_dim=length.conv_dim, classes=len(sizes.templates) + 1, dropout=length.dropout),
        Decoder(dim, sizes.max_length, embedding_dropout=config.embedding_dropout, **asdict(config.decoder)),
        PointerHead(dim, sizes.ontology_size, config.pointer.heads),
        dim,
        sizes.templates,
        length.beam,
    )


ARCHITECTURES: dict[str, Callable[[ModelConfig, Sizes], ParserModel]] = {
    "span_pointer": _span_pointer,
    "autoregressive": _autoregressive,
    "nar_text": _nar_text,
    "bilstm_pointer": _bilstm_pointer,
    "template": _template,
}
