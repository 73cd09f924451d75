from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate

from nlu.batches import Batch, collate, encode_rows
from nlu.errors import ConfigError
from nlu.model.config import ModelConfig
from nlu.pretraining import Pretraining
from nlu.task import OptimConfig
from nlu.tokenizer import UNKNOWN
from nlu.training import new_parser, train
from tests.composing import Compose


def task_and_batch(compose_train: Compose, *overrides: str) -> tuple[Pretraining, Batch]:
    config = compose_train("optim.pretraining_passes=1", *overrides)
    splits = instantiate(config.data.load)
    parser = new_parser(config, ModelConfig.of(config.model), splits["train"])
    task = Pretraining(parser.model, OptimConfig(**config.optim))
    rows = list(splits["train"])[:60]
    return task, collate(list(enumerate(encode_rows(rows, parser.tokenizer, parser.ontology))))


def test_an_encoder_learns_to_guess_hidden_words(compose_train: Compose) -> None:
    task, batch = task_and_batch(compose_train)
    torch.manual_seed(0)
    optimizer = torch.optim.Adam(task.parameters(), lr=2e-3)

    def step() -> float:
        optimizer.zero_grad()
        scores, pieces = task.guess(batch)
        loss = torch.nn.functional.cross_entropy(scores, pieces)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    losses = [step() for _ in range(150)]
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])
    assert all(parameter.grad is not None for parameter in task.parameters())


def test_most_of_what_is_guessed_cannot_be_read(compose_train: Compose) -> None:
    task, batch = task_and_batch(compose_train)
    torch.manual_seed(0)
    seen: list[torch.Tensor] = []
    task.encoder.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    counts = torch.zeros(3)
    asked = 0
    for _ in range(20):
        _, pieces = task.guess(batch)
        changed = seen[-1] != batch.pieces
        assert not changed[~batch.piece_mask].any()
        unknown = changed & (seen[-1] == UNKNOWN)
        counts += torch.tensor([len(pieces), int(unknown.sum()), int((changed & ~unknown).sum())])
        asked += int(batch.piece_mask.sum())
    guessed, unknown_share, other = (counts / torch.tensor([asked, counts[0], counts[0]])).tolist()
    assert guessed == pytest.approx(0.25, abs=0.02)
    assert unknown_share == pytest.approx(0.8, abs=0.03)
    assert other == pytest.approx(0.1, abs=0.02)


def test_a_recurrent_encoder_is_refused(compose_train: Compose) -> None:
    with pytest.raises(ConfigError, match=r"optim\.pretraining_passes=1: takes 0"):
        task_and_batch(compose_train, "model=bilstm_pointer")


def test_training_pretrains_first(compose_train: Compose, tmp_path: Path) -> None:
    train(compose_train("optim.pretraining_passes=1", "trainer.max_epochs=1"), tmp_path)
    assert (tmp_path / "pretraining" / "version_0" / "metrics.csv").read_text().startswith("epoch")
