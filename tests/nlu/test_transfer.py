from pathlib import Path
from typing import Any

import datasets
import pytest
import torch
from hydra.utils import instantiate

from nlu.batches import collate, encode_rows
from nlu.errors import ConfigError
from nlu.model.autoregressive import Autoregressive
from nlu.model.base import LossSettings
from nlu.model.bilstm_pointer import BiLstmPointer
from nlu.model.config import ARCHITECTURES, ModelConfig
from nlu.parser import Parser, load_parser
from nlu.span import target_of
from nlu.training import new_parser
from nlu.transfer import started_parser
from tests.composing import Compose, compose_config


def row(utterance: str, span_form: str) -> dict[str, list[str]]:
    return {"words": utterance.split(), "target": span_form.split()}


ROWS = [
    row("please wake me at six", "[IN:C_WAKE [SL:M_TIME 3 4 ] ]"),
    row("tell my mother hello", "[IN:D_TELL [SL:N_WHOM 1 2 ] ]"),
]
# Labels before, between and after those of ROWS, a longer target and a new template.
NEW = row(
    "wake my mother and tell her hello",
    "[IN:D_TELL [SL:A_WHO [IN:A_GET [SL:N_WHOM 1 2 ] ] ] [SL:MM_WHAT 4 4 ] [SL:Z_WORD 6 6 ] ]",
)


def untrained(architecture: str, folder: Path) -> Parser:
    torch.manual_seed(0)
    config = compose_config(
        "train",
        f"model={architecture}",
        "model.embed_dim=32",
        "model.rescorer.num_layers=1",
        f"paths.cache={folder}",
    )
    parser = new_parser(config, ModelConfig.of(config.model), datasets.Dataset.from_list(ROWS))
    parser.save(folder / "parser.pt")
    return parser


def forbid_what_is_new(new: Parser, old: Parser) -> None:
    """Make labels, lengths and templates that the old parser lacks as good as impossible."""
    added = set(new.ontology.tokens) - set(old.ontology.tokens)
    weights: dict[str, Any] = new.model.state_dict()
    for name, before in old.model.state_dict().items():
        if name.endswith("pointer.ontology.bias"):
            weights[name][[new.ontology.ids[token] for token in added]] = -1e4
        if name in ("length_module.classifier.bias", "classifier.classifier.bias"):
            weights[name][len(before) :] = -1e4
    if isinstance(new.model, Autoregressive | BiLstmPointer):
        new.model.max_length = old.sizes.max_length


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_without_its_new_labels_a_started_parser_is_the_old_one(architecture: str, tmp_path: Path) -> None:
    old = untrained(architecture, tmp_path)
    new = started_parser(tmp_path, old.config, datasets.Dataset.from_list([*ROWS, NEW]))
    assert len(new.ontology) == len(old.ontology) + 4
    assert new.sizes.max_length == len(NEW["target"])
    forbid_what_is_new(new, old)

    def losses(parser: Parser) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        examples = encode_rows(ROWS, parser.tokenizer, parser.ontology)
        with torch.no_grad():
            losses = parser.model.eval().losses(collate(list(enumerate(examples))), LossSettings())
        return losses.token, losses.length, torch.as_tensor(losses.rescoring)

    torch.testing.assert_close(losses(new), losses(old))
    examples = encode_rows(ROWS, old.tokenizer)
    frames = [
        [parser.ontology.decode(ranked[0][0]) for ranked in parser.predict(examples, 2)]
        for parser in (new, old)
    ]
    assert frames[0] == frames[1]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_started_parser_learns_what_is_new(architecture: str, tmp_path: Path) -> None:
    old = untrained(architecture, tmp_path)
    new = started_parser(tmp_path, old.config, datasets.Dataset.from_list([NEW]))
    batch = collate(list(enumerate(encode_rows([*ROWS, NEW], new.tokenizer, new.ontology))))
    optimizer = torch.optim.AdamW(new.model.train().parameters(), lr=3e-3)
    for _ in range(150):
        losses = new.model.losses(batch, LossSettings())
        (losses.token + losses.length + losses.rescoring).backward()
        optimizer.step()
        optimizer.zero_grad()
    new.model.eval()
    answers = new.predict(encode_rows([*ROWS, NEW], new.tokenizer), 3)
    assert [new.ontology.decode(ranked[0][0]) for ranked in answers] == [
        target_of(row["target"]) for row in [*ROWS, NEW]
    ]


@pytest.mark.parametrize(("layers", "count"), [(0, 2), (1, 1)])
def test_a_started_parser_answers_as_the_one_it_starts_from(
    trained: Path, compose_train: Compose, layers: int, count: int
) -> None:
    config = compose_train("model.decoder.dropout=0.3", f"model.rescorer.num_layers={layers}")
    rows = instantiate(config.data.load)["train"].select(range(64))
    old = load_parser(trained)
    new = started_parser(trained, ModelConfig.of(config.model), rows)
    new.model.eval()
    examples = encode_rows(list(rows), old.tokenizer)
    answers, before = (
        [[ids for ids, _ in ranked] for ranked in parser.predict(examples, 64, count)]
        for parser in (new, old)
    )
    assert answers == before
    assert new.config.decoder.dropout == 0.3


@pytest.mark.parametrize("override", ["model.embed_dim=32", "model=autoregressive"])
def test_a_training_starts_from_nothing_of_another_shape(
    trained: Path, compose_train: Compose, override: str
) -> None:
    with pytest.raises(ConfigError, match="another shape"):
        started_parser(
            trained, ModelConfig.of(compose_train(override).model), datasets.Dataset.from_list(ROWS)
        )
