"""What the span-pointer parser's parameters say of its shape; all that the report knows of the parser.

The names are those of conf/space/nar_top.yaml and conf/model/span_pointer.yaml.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nas.errors import ReportError
from nas.study import Study, Trial

if TYPE_CHECKING:
    from paretoparse.blocks import Part

_KIND, _PARSER = "model.architecture", "span_pointer"
_KEYS = (
    "tokenizer.vocab_size",
    "model.embed_dim",
    "model.encoder.num_layers",
    "model.encoder.ffn_dim",
    "model.encoder.max_kernel",
    "model.encoder.conv_heads",
    "model.encoder.attention_heads",
    "model.decoder.num_layers",
    "model.decoder.ffn_dim",
    "model.decoder.max_kernel",
    "model.decoder.attention_heads",
    "model.decoder.cross_attention_heads",
    "model.pointer.heads",
    "model.length.conv_dim",
    "model.length.beam",
)


def shape_of(study: Study, trial: Trial) -> dict[str, int]:
    """A trial's values of the parameters that make the parser's shape.

    What a trial does not set was fixed: on the command line, which the space remembers, or in the
    configuration, which the study's definition holds.

    Raises:
        ReportError: If it is no trial of a span pointer.
    """
    definition = getattr(study, "definition", {})  # only a stored study has one
    configuration = (definition.get("settings") or {}).get("configuration") or {}

    def value_of(key: str) -> Any:
        for known in (trial.point, study.space.fixed):
            if key in known:
                return known[key]
        return _select(configuration, key)

    kind = value_of(_KIND)
    if kind not in (None, _PARSER):
        raise ReportError(f"figure=architectures draws span pointers, and this search is of {_KIND}={kind}.")
    found = {key: value_of(key) for key in _KEYS}
    missing = [key for key, value in found.items() if not isinstance(value, int | float)]
    if missing:
        names = missing[0] + (f" and {len(missing) - 1} others" if len(missing) > 1 else "")
        raise ReportError(
            f"figure=architectures draws the parser of python -m nas.search, and this study does not tell "
            f"{names}; draw figure=objectives of it."
        )
    return {key: int(value) for key, value in found.items()}


def _select(tree: Any, key: str) -> Any:
    """A nested mapping's value; None where it has none."""
    for name in key.split("."):
        tree = tree.get(name) if isinstance(tree, Mapping) else None
    return tree


def parts_of(shape: Mapping[str, int]) -> "tuple[Part, ...]":
    """The parser's parts as blocks.

    Args:
        shape: As `shape_of` returns it.
    """
    # Matplotlib takes a while to import.
    from paretoparse.blocks import Part

    width = shape["model.embed_dim"]

    def layers(side: str, *kinds: str) -> tuple[tuple[tuple[str, float], ...], ...]:
        layer = (*((kind, width) for kind in kinds), ("feed-forward", shape[f"model.{side}.ffn_dim"]))
        return (layer,) * shape[f"model.{side}.num_layers"]

    mixing = "convolution, self-attention"
    # From the top to the bottom, as the blocks of a layer are.
    encoder = (
        f"feed-forward {shape['model.encoder.ffn_dim']}",
        f"{_kernels(shape, 'encoder')}, {_heads(shape['model.encoder.conv_heads'])}",
        _attention(shape, "encoder"),
    )
    decoder = (
        f"feed-forward {shape['model.decoder.ffn_dim']}",
        f"cross-attention {_heads(shape['model.decoder.cross_attention_heads'])}",
        _kernels(shape, "decoder"),
        _attention(shape, "decoder"),
    )
    length, beam = shape["model.length.conv_dim"], shape["model.length.beam"]
    pieces = f"{shape['tokenizer.vocab_size']} pieces, {width} wide"
    return (
        Part("embedding", ((("embedding", width),),), (pieces,)),
        Part("encoder", layers("encoder", mixing), encoder),
        Part("length module", ((("length", length),),), (f"{length} wide, beam {beam}",)),
        Part("decoder", layers("decoder", mixing, "cross-attention"), decoder),
        Part("pointer", ((("pointer", width),),), (_heads(shape["model.pointer.heads"]),)),
    )


def _heads(count: int) -> str:
    return f"{count} head{'s' if count > 1 else ''}"


def _kernels(shape: Mapping[str, int], side: str) -> str:
    """Kernels grow from 3 to the largest; one layer alone has the largest."""
    layers, largest = shape[f"model.{side}.num_layers"], shape[f"model.{side}.max_kernel"]
    return f"kernel {largest}" if layers == 1 or largest == 3 else f"kernels 3 to {largest}"


def _attention(shape: Mapping[str, int], side: str) -> str:
    heads = shape[f"model.{side}.attention_heads"]
    return f"self-attention {_heads(heads)}" if heads else "no self-attention"
