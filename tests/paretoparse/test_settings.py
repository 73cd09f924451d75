"""Every number and switch of every command's configuration is one, or is refused in a sentence."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hydra.errors import ConfigCompositionException
from omegaconf import DictConfig, OmegaConf

from nlu.parser import SHIPPED
from paretoparse.cli import CONF
from tests.composing import ROOT, compose_config
from tests.paretoparse.test_commands import commands, execute

# Where a file is needed, any will do: it is not read before the settings are.
NEEDED = {
    "latency.benchmark": [f"artifact={SHIPPED}"],
    "latency.export": [f"parser={SHIPPED}"],
    "nlu.evaluate": [f"parser={SHIPPED}"],
    "nlu.predict": ["text=hello"],
}
# What a command composes for others: a search for its trials, the data for a search or a training.
OTHERS = re.compile(
    r"nas\.search (?!search\.|strategy\.|device\.|protocol\.).*"
    r"|(\S+) data\.(reference_.*|timed_runs)"
    r"|nlu\.evaluate data\.(batch.*|max_epochs)"
)


def settings() -> list[tuple[str, str, str]]:
    """Each command that takes a configuration, with every key of it that holds a number or a switch.

    Between them stands the first `GROUP=OPTION` that brings the key; none where it is always there.
    """
    found: dict[tuple[str, str], str] = {}
    for command in commands():
        file = (ROOT / command.replace(".", "/")).with_suffix(".py")
        made = re.search(r'@hydra_main\("(\w+)"', file.read_text("utf-8")) if file.is_file() else None
        for option in ["", *options(made[1])] if made is not None else []:
            try:
                composed = compose_config(made[1], *NEEDED.get(command, []), *option.split())
            except ConfigCompositionException:
                # An experiment of another command.
                continue
            for key in keys(composed):
                if not OTHERS.fullmatch(f"{command} {key}"):
                    found.setdefault((command, key), option)
    return [(command, option, key) for (command, key), option in found.items()]


def options(config: str) -> list[str]:
    """`GROUP=OPTION` of all groups of a configuration."""
    defaults = yaml.safe_load((CONF / f"{config}.yaml").read_text("utf-8"))["defaults"]
    groups = [
        name.split("@")[0].split()[-1] for entry in defaults if isinstance(entry, dict) for name in entry
    ]
    return [f"{group}={file.stem}" for group in groups for file in sorted((CONF / group).glob("*.yaml"))]


def keys(node: DictConfig, path: str = "") -> Iterator[str]:
    for key in map(str, node):
        value = None if OmegaConf.is_missing(node, key) else node[key]
        if isinstance(value, DictConfig):
            yield from keys(value, f"{path}{key}.")
        elif isinstance(value, int | float):
            yield f"{path}{key}"


# Composing all of them takes seconds.
SETTINGS = settings()


def test_the_settings_are_found() -> None:
    some = {
        ("nlu.train", "", "optim.lr"),
        ("nlu.predict", "", "json"),
        ("nas.search", "strategy=tpe", "strategy.sampler.constant_liar"),
    }
    assert some <= {*SETTINGS}


@pytest.mark.parametrize(("command", "option", "key"), SETTINGS)
def test_text_in_its_place_is_refused_in_a_sentence(
    command: str,
    option: str,
    key: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = [*NEEDED.get(command, []), *option.split(), f"{key}=nonsense"]
    assert execute(command, *arguments, monkeypatch=monkeypatch) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert re.match(rf"error: .*\b{key.rpartition('.')[2]}\b.*nonsense", lines[0])
