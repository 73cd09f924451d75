"""Every file in conf/ composes, and the reference model lies inside of its space."""

import pytest
from omegaconf import OmegaConf

from nas.space.syntax import parse_space, reference_point
from nlu.model.config import ModelConfig
from nlu.task import OptimConfig
from tests.composing import CONF, compose_config

PRIMARY = sorted(path.stem for path in CONF.glob("*.yaml"))
GROUPS = sorted(
    (path.parent.name, path.stem) for path in CONF.glob("*/*.yaml") if path.parent.name != "experiment"
)
EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))


@pytest.mark.parametrize("name", PRIMARY)
def test_every_entry_point_composes(name: str) -> None:
    assert compose_config(name)


@pytest.mark.parametrize(("group", "option"), GROUPS)
def test_every_option_composes(group: str, option: str) -> None:
    hosts = [name for name in PRIMARY if f"- {group}:" in (CONF / f"{name}.yaml").read_text()]
    assert hosts, f"no entry point has the group {group}"
    for host in hosts:
        assert compose_config(host, f"{group}={option}")


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_composes_with_the_command_on_its_top(name: str) -> None:
    command = (CONF / "experiment" / f"{name}.yaml").read_text().splitlines()[1]
    assert command.startswith("# python -m ")
    assert f"experiment={name}" in command
    module = command.split()[3]
    config = compose_config({"nas.search": "search", "nlu.train": "train"}[module], f"experiment={name}")
    OptimConfig(**config.optim)
    ModelConfig.of(config.model)


@pytest.mark.parametrize("data", ["grammar", "topv2", "top", "tsv"])
@pytest.mark.parametrize("space_name", sorted(path.stem for path in (CONF / "space").glob("*.yaml")))
def test_a_space_has_the_24_parameters_and_holds_its_reference(space_name: str, data: str) -> None:
    config = compose_config("search", f"space={space_name}", f"data={data}")
    params = OmegaConf.to_container(config.space.params, resolve=True)
    space, others = parse_space(params, [])
    assert len(space.names) == 24
    assert others == []
    for name in space.names:
        assert OmegaConf.select(config, name) is not None, f"{name} is no key of the configuration"
    defaults = {name: OmegaConf.select(config, name) for name in space.names}
    reference = reference_point(OmegaConf.to_container(config.space.reference, resolve=True), space, defaults)
    assert set(config.space.reference) == set(space.names)
    assert space.contains(reference)
