"""Configurations as the entry points compose them."""

from collections.abc import Callable
from pathlib import Path

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

ROOT = Path(__file__).parents[1]
CONF = ROOT / "conf"

Compose = Callable[..., DictConfig]


def compose_config(name: str, *overrides: str) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(name, overrides=list(overrides))


def experiments_of(module: str) -> list[str]:
    """Names of the experiments whose command, on the second line of their file, runs this module."""
    return sorted(
        path.stem
        for path in (CONF / "experiment").glob("*.yaml")
        if path.read_text().splitlines()[1].startswith(f"# python -m {module} ")
    )
