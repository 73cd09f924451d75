"""Where a study tells the shape of a trial's parser; all that the report knows of the parser.

The names are those of conf/space/nar_top.yaml and conf/model/span_pointer.yaml.
"""

from collections.abc import Mapping
from typing import Any

from nas.errors import ReportError
from nas.study import Study, Trial

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
