import json
import math
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate

from nlu.batches import encode_rows
from nlu.errors import ConfigError
from nlu.metrics import gold_of, score
from nlu.parser import load_parser
from nlu.train import train
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


def test_an_interrupted_training_goes_on_from_its_checkpoint(compose_train: Compose, tmp_path: Path) -> None:
    train(compose_train("trainer.max_epochs=1"), tmp_path)
    last = tmp_path / "checkpoints" / "last.ckpt"
    metrics = train(compose_train("trainer.max_epochs=2", f"trainer.resume={last}"), tmp_path)
    assert metrics["epochs"] == 2


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainer.resume=nowhere.ckpt", "nowhere.ckpt"),
        ("data.batch_size=0", "batch_size"),
        ("trainer.max_epochs=0", "max_epochs"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    compose_train: Compose, tmp_path: Path, override: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        train(compose_train(override), tmp_path)
