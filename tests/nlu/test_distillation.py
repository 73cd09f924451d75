from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate

from nlu.batches import Batch, collate, encode_rows
from nlu.distillation import Teachers, load_teachers
from nlu.errors import ConfigError
from nlu.model.base import Smoothing
from nlu.model.config import ModelConfig
from nlu.parser import Parser, load_parser
from nlu.train import new_parser, train
from tests.composing import Compose

ARCHITECTURES = ("span_pointer", "autoregressive", "nar_text", "bilstm_pointer", "template")


def parser_and_batch(compose_train: Compose, *overrides: str, seed: int = 0) -> tuple[Parser, Batch]:
    config = compose_train(*overrides)
    rows = instantiate(config.data.load)["train"]
    torch.manual_seed(seed)
    parser = new_parser(config, ModelConfig.of(config.model), rows)
    parser.model.eval()
    return parser, collate(list(enumerate(encode_rows(list(rows)[:20], parser.tokenizer, parser.ontology))))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_nothing_is_left_to_learn_from_oneself(compose_train: Compose, architecture: str) -> None:
    parser, batch = parser_and_batch(compose_train, f"model={architecture}")
    decisions = parser.model.losses(batch, Smoothing()).decisions
    told = [decision.detach() for decision in decisions]
    taught = Teachers([parser]).losses(batch, decisions)
    for loss, theirs in zip(taught, told, strict=True):
        # Where all is certain or none exist, log-probabilities are those of the clamp.
        entropy = torch.special.entr(theirs.exp()).sum(dim=1).mean()
        torch.testing.assert_close(loss.detach(), entropy)
    with torch.no_grad():
        for parameter in parser.model.parameters():
            parameter += 0.01 * torch.randn_like(parameter)
        moved = parser.model.losses(batch, Smoothing()).decisions
        for theirs, ours in zip(told, moved, strict=True):
            # Gibbs: another distribution costs more.
            assert float(-(theirs.exp() * ours.clamp(min=-30)).sum()) > float(
                -(theirs.exp() * theirs.clamp(min=-30)).sum()
            )


def test_several_teachers_are_their_mean(compose_train: Compose) -> None:
    (first, batch), (second, _) = (parser_and_batch(compose_train, seed=seed) for seed in (1, 2))
    ours = first.model.losses(batch, Smoothing()).decisions
    both, one, two = (
        torch.stack(Teachers(teachers).losses(batch, ours))
        for teachers in ([first, second], [first], [second])
    )
    torch.testing.assert_close(both, (one + two) / 2)


def test_a_parser_learns_from_teachers_alone(compose_train: Compose, trained: Path, tmp_path: Path) -> None:
    settings = (f"trainer.teachers=[{trained}]", "optim.teacher_weight=1", "optim.tag_loss_weight=0")
    train(compose_train(*settings), tmp_path)
    pupil, teacher = load_parser(tmp_path), load_parser(trained)
    rows = list(instantiate(compose_train().data.load)["eval"])
    answers = [
        [ranked[0][0] for ranked in parser.predict(encode_rows(rows, parser.tokenizer), 64)]
        for parser in (pupil, teacher)
    ]
    agreed = sum(one == two for one, two in zip(*answers, strict=True)) / len(rows)
    assert agreed > 0.3


@pytest.mark.parametrize(
    ("override", "difference"),
    [
        ("tokenizer.vocab_size=300", "tokenizer"),
        ("data.load.sizes.train=50", "set of labels"),
        ("model=nar_text", "architecture"),
        ("model.rescorer.num_layers=1", "rescorer"),
    ],
)
def test_a_teacher_of_something_else_is_refused(
    compose_train: Compose, trained: Path, override: str, difference: str
) -> None:
    pupil, _ = parser_and_batch(compose_train, override)
    with pytest.raises(ConfigError, match=rf"trainer\.teachers: .* another .*{difference}"):
        load_teachers([trained], pupil)
