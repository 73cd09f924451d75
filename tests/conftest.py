"""What the whole suite shares: a small trained parser, and where the real data is."""

import os
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings
from omegaconf import DictConfig

from nlu.data.topv2 import DOMAINS
from tests.composing import Compose, compose_config
from tests.nas.toy_app import Toy

# At these sizes threads cost more than they give, and on a busy machine very much more.
torch.set_num_threads(1)
# On a busy machine the time of one example says nothing.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if "TOPV2_ROOT" in os.environ:
        return
    skip = pytest.mark.skip(reason="needs the real data: set TOPV2_ROOT to TOPv2's folder")
    for item in items:
        if "topv2" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def compose_train(cache: Path) -> Compose:
    """Compose `conf/train.yaml` for a parser that trains in seconds."""

    def composed(*overrides: str) -> DictConfig:
        return compose_config(
            "train",
            f"paths.cache={cache}",
            "data.load.sizes={train: 1000, eval: 200, test: 100}",
            "model.embed_dim=64",
            "model.encoder.num_layers=1",
            "model.decoder.num_layers=1",
            "trainer.max_epochs=3",
            "trainer.progress=false",
            "optim.lr=4e-3",
            *overrides,
        )

    return composed


@pytest.fixture(scope="session")
def trained(compose_train: Compose, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small parser, trained once for the session."""
    from nlu.training import train

    folder = tmp_path_factory.mktemp("trained")
    train(compose_train(), folder)
    return folder


@pytest.fixture(scope="session")
def topv2_root() -> Path:
    return Path(os.environ["TOPV2_ROOT"])


@pytest.fixture
def tiny_topv2(tmp_path: Path) -> Path:
    """Return a folder in TOPv2's layout: all domains, and weather's low-resource split, all about weather."""
    folder = tmp_path / "topv2"
    (folder / "low_resource_splits").mkdir(parents=True)
    places, days = ("rome", "oslo", "new york", "lima"), ("today", "on friday", "next week")
    files = {"low_resource_splits/weather_{}_500spis.tsv": ("train", "valid")}
    files |= {f"{domain}_{{}}.tsv": ("train", "eval") for domain in DOMAINS}
    for file, splits in files.items():
        for split, count in zip(splits, (60, 20), strict=True):
            rows = ["domain\tutterance\tsemantic_parse"]
            for i in range(count):
                place, day = places[i % 4], days[i % 3]
                parse = f"[IN:GET_WEATHER rain in [SL:LOCATION {place} ] [SL:DATE_TIME {day} ] ]"
                rows.append(f"weather\train in {place} {day}\t{parse}")
            (folder / file.format(split)).write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture
def toy(tmp_path: Path, hydra_restore_singletons: None) -> Toy:
    """Return a search of the toy app in a folder of its own."""
    return Toy(tmp_path / "sweep")
