"""Every experiment that conf/ offers to training runs for real, on few rows; new ones are found."""

from pathlib import Path

import pytest

from nlu.parser import Parser, load_parser
from nlu.training import train
from tests.composing import compose_config, experiments_of


@pytest.mark.slow
@pytest.mark.parametrize("name", experiments_of("nlu.train"))
def test_every_experiment_trains(name: str, tiny_topv2: Path, cache: Path, tmp_path: Path) -> None:
    config = compose_config(
        "train",
        f"experiment={name}",
        f"data.root={tiny_topv2}",
        f"paths.cache={cache}",
        "data.max_epochs=1",
        "trainer.progress=false",
    )
    config.optim.pretraining_passes = min(config.optim.pretraining_passes, 1)
    metrics = train(config, tmp_path / "run")
    assert metrics["epochs"] == 1
    assert isinstance(load_parser(tmp_path / "run"), Parser)
