import json
import math
import os
import signal
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from hydra.utils import instantiate
from torch.nn import functional

from nlu.batches import Batch, encode_rows
from nlu.errors import ConfigError, ParserFileError
from nlu.metrics import gold_of, score
from nlu.parser import load_parser
from nlu.pretraining import Pretraining
from nlu.task import ParsingTask
from nlu.training import train
from tests.composing import Compose

KEYS = {"exact_match", "exact_match_unseen", "span_exact_match", "length_accuracy", "seconds", "parameters"}


def test_training_learns_and_leaves_what_it_promises(trained: Path) -> None:
    metrics = json.loads((trained / "metrics.json").read_text())
    assert set(metrics) >= KEYS
    # Guessing the most frequent frame scores below 5; a few seconds of training score many times that.
    assert metrics["exact_match"] > 25
    assert metrics["length_accuracy"] > 60
    assert (trained / "curve" / "version_0" / "metrics.csv").is_file()
    assert (trained / "checkpoints" / "best.ckpt").is_file()


def test_the_saved_parser_scores_what_training_reported(trained: Path, compose_train: Compose) -> None:
    metrics = json.loads((trained / "metrics.json").read_text())
    parser = load_parser(trained)
    splits = instantiate(compose_train().data.load)
    rows = list(splits["eval"])
    golds = gold_of(rows, set(map(tuple, splits["train"]["words"])))
    ids = [ranked[0][0] for ranked in parser.predict(encode_rows(rows, parser.tokenizer), 64)]
    scores = score(ids, golds, parser.ontology)
    for name, value in scores.items():
        assert math.isclose(value, metrics[name], rel_tol=1e-5)


def test_equal_seeds_give_equal_parsers(trained: Path, compose_train: Compose, tmp_path: Path) -> None:
    train(compose_train(), tmp_path)
    first, second = load_parser(trained).model.state_dict(), load_parser(tmp_path).model.state_dict()
    for name, tensor in first.items():
        torch.testing.assert_close(tensor, second[name], rtol=0, atol=0)


@pytest.mark.parametrize(("precision", "fused"), [("32-true", True), ("bf16-mixed", False)])
def test_each_precision_trains_with_the_attention_kernel_that_is_fast_for_it(
    compose_train: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str, fused: bool
) -> None:
    used, attention = set(), functional.scaled_dot_product_attention

    def watched(*tensors: torch.Tensor, **options: torch.Tensor) -> torch.Tensor:
        used.add(torch.backends.cuda.flash_sdp_enabled())
        return attention(*tensors, **options)

    monkeypatch.setattr(functional, "scaled_dot_product_attention", watched)
    settings = ("model.encoder.attention_heads=2", "trainer.accelerator=cpu", "trainer.max_epochs=2")
    metrics = train(compose_train(*settings, f"trainer.precision={precision}"), tmp_path)
    assert metrics["exact_match"] > 10
    # Outside of the training, as where the parser is calibrated, nothing is changed.
    assert used == {fused, True}
    assert torch.backends.cuda.flash_sdp_enabled()


class Killed(Exception):
    pass


@pytest.mark.slow
@pytest.mark.parametrize("after", [0, 1])
def test_a_training_that_is_killed_while_it_pretrains_ends_as_one_that_was_not(
    compose_train: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    settings = ("trainer.max_epochs=1", "optim.pretraining_passes=2", "trainer.average=0.9")
    whole = train(compose_train(*settings), tmp_path / "whole")

    # In the middle of the last pass of pretraining, or of the first one of parsing.
    def die(self: pl.LightningModule, outputs: object, batch: Batch, batch_index: int) -> None:
        if self.current_epoch == 1 - after and batch_index == 9:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr((Pretraining, ParsingTask)[after], "on_train_batch_end", die)
        with pytest.raises(Killed):
            train(compose_train(*settings), tmp_path / "killed")
    last = tmp_path / "killed" / "checkpoints" / "last.ckpt"
    torch.rand(7)
    rest = train(compose_train(*settings, f"trainer.resume={last}"), tmp_path / "rest")
    assert rest["exact_match"] == whole["exact_match"]
    first, second = (load_parser(tmp_path / name).model.state_dict() for name in ("whole", "rest"))
    for name, tensor in first.items():
        torch.testing.assert_close(tensor, second[name])


@pytest.mark.slow
@pytest.mark.parametrize("average", [0, 0.99])
def test_a_killed_training_ends_as_one_that_was_not(
    compose_train: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, average: float
) -> None:
    settings = (
        "trainer.max_epochs=3",
        f"trainer.average={average}",
        "data.batches_per_step=2",
        "optim.word_dropout=0.05",
        "optim.slot_substitution=0.3",
    )
    whole = train(compose_train(*settings), tmp_path / "whole")

    # In the middle of the second pass, with a few steps done.
    def die(self: ParsingTask, batch: Batch, batch_index: int) -> None:
        if self.current_epoch == 1 and batch_index == 60:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(ParsingTask, "on_train_batch_end", lambda self, outputs, *rest: die(self, *rest))
        with pytest.raises(Killed):
            train(compose_train(*settings), tmp_path / "killed")
    last = tmp_path / "killed" / "checkpoints" / "last.ckpt"
    # The random numbers of the process are others now, and the folder is new.
    torch.rand(7)
    rest = train(compose_train(*settings, f"trainer.resume={last}"), tmp_path / "rest")
    for name in ("exact_match", "span_exact_match", "length_accuracy", "epochs"):
        assert rest[name] == whole[name]
    first, second = (load_parser(tmp_path / name).model.state_dict() for name in ("whole", "rest"))
    for name, tensor in first.items():
        torch.testing.assert_close(tensor, second[name])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_training_that_is_told_to_stop_is_interrupted(
    compose_train: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    before = signal.getsignal(number)
    monkeypatch.setattr(ParsingTask, "on_train_batch_end", lambda *rest: os.kill(os.getpid(), number))
    with pytest.raises(KeyboardInterrupt):
        train(compose_train(), tmp_path)
    assert signal.getsignal(number) is before


def test_checkpoints_are_what_their_names_say_and_carry_the_best(
    compose_train: Compose, tmp_path: Path
) -> None:
    # The last passes of this one are not its best.
    train(compose_train("trainer.max_epochs=2", "optim.lr=1e-2", "data.batch_size=128"), tmp_path)
    folder = tmp_path / "checkpoints"
    last = torch.load(folder / "last.ckpt", weights_only=True)
    best = torch.load(folder / "best.ckpt", weights_only=True)
    assert last["epoch"] == 1
    assert best["callbacks"]["Checkpoints"]["scores"] == last["callbacks"]["Checkpoints"]["scores"]
    assert sorted(path.name for path in folder.iterdir()) == ["best.ckpt", "last.ckpt"]
    # Going on where nothing is left to do gives the same parser in another folder.
    again = tmp_path / "again"
    settings = ("trainer.max_epochs=2", "optim.lr=1e-2", "data.batch_size=128")
    train(compose_train(*settings, f"trainer.resume={folder / 'last.ckpt'}"), again)
    for one, other in zip(
        load_parser(tmp_path).model.parameters(), load_parser(again).model.parameters(), strict=True
    ):
        torch.testing.assert_close(one, other)
    curves = [
        {
            name: value
            for name, value in json.loads((run / "metrics.json").read_text()).items()
            if "_pass_" in name
        }
        for run in (tmp_path, again)
    ]
    assert list(curves[0]) == ["exact_match_pass_1", "exact_match_pass_2"]
    assert curves[0] == curves[1]
    assert max(curves[0].values()) == json.loads((again / "metrics.json").read_text())["exact_match"]


@pytest.mark.parametrize("damage", ["missing", "torn", "empty", "parser", "text", "other model"])
def test_a_file_that_is_no_checkpoint_of_this_model_is_refused(
    trained: Path, compose_train: Compose, tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "some.ckpt"
    whole = (trained / "checkpoints" / "last.ckpt").read_bytes()
    contents = {
        "torn": whole[: len(whole) // 2],
        "empty": b"",
        "parser": (trained / "parser.pt").read_bytes(),
        "text": b"hello",
        "other model": whole,
    }
    if damage in contents:
        path.write_bytes(contents[damage])
    with pytest.raises(ConfigError, match=r"some\.ckpt"):
        train(compose_train(f"trainer.resume={path}", "model.embed_dim=32"), tmp_path / "run")


def test_a_training_starts_from_a_parser(trained: Path, compose_train: Compose, tmp_path: Path) -> None:
    before = json.loads((trained / "metrics.json").read_text())["exact_match"]
    settings = ("trainer.max_epochs=1", "optim.lr=1e-3", "model.encoder.dropout=0.2")
    variations = ("optim.word_dropout=0.05", "optim.slot_substitution=0.3")
    after = train(compose_train(*settings, *variations, f"trainer.start={trained}"), tmp_path)["exact_match"]
    # From its own weights, one pass comes to a third of this.
    assert isinstance(after, float)
    assert after > before - 5
    assert load_parser(tmp_path).tokenizer.model == load_parser(trained).tokenizer.model


def test_a_training_starts_from_parsers_only(compose_train: Compose, tmp_path: Path) -> None:
    with pytest.raises(ParserFileError, match="no parser at"):
        train(compose_train(f"trainer.start={tmp_path}"), tmp_path / "run")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optim.word_dropout=1", "word_dropout"),
        ("optim.slot_substitution=2", "slot_substitution"),
        ("tokenizer.vocab_size=1e3", "vocab_size=1000.0"),
        ("data.batch_size=8.5", "batch_size=8.5"),
        ("trainer.accelerator=gpu", "trainer"),
        ("trainer.average=1", "average"),
        ("trainer.precision=float", "trainer"),
        ("data.batch_size=0", "batch_size"),
        ("trainer.max_epochs=0", "max_epochs"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    compose_train: Compose, tmp_path: Path, override: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        train(compose_train(override), tmp_path)
