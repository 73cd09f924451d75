"""Every file in conf/ composes, and the reference model lies inside of its space."""

import pytest
from omegaconf import OmegaConf

from nas.space import Point, Space
from nas.space.syntax import parse_space, reference_point
from nlu.model.config import ModelConfig
from nlu.task import OptimConfig
from tests.composing import CONF, compose_config

PRIMARY = sorted(path.stem for path in CONF.glob("*.yaml"))
GROUPS = sorted(
    (path.parent.name, path.stem) for path in CONF.glob("*/*.yaml") if path.parent.name != "experiment"
)
SPACES = sorted(path.stem for path in (CONF / "space").glob("*.yaml"))
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


def space_of(option: str, *overrides: str) -> tuple[Space, Point]:
    """A space and its reference model."""
    config = compose_config("search", f"space={option}", *overrides)
    space, others = parse_space(OmegaConf.to_container(config.space.params, resolve=True), [])
    assert others == []
    defaults = {name: OmegaConf.select(config, name) for name in space.names}
    for name, value in defaults.items():
        assert value is not None, f"{name} is no key of the configuration"
    return space, reference_point(
        OmegaConf.to_container(config.space.reference, resolve=True), space, defaults
    )


@pytest.mark.parametrize("data", ["grammar", "topv2", "top", "tsv"])
@pytest.mark.parametrize("option", SPACES)
def test_a_space_holds_its_reference(option: str, data: str) -> None:
    space, reference = space_of(option, f"data={data}")
    assert space.contains(reference)
    parameters, _ = space_of("nar_top")
    assert set(space.names) <= set(parameters.names)


@pytest.mark.parametrize("option", [name for name in SPACES if name != "training"])
def test_a_space_of_24_parameters_says_what_its_reference_is(option: str) -> None:
    config = compose_config("search", f"space={option}")
    assert len(config.space.params) == 24
    assert set(config.space.reference) == set(config.space.params)


def test_training_has_the_ranges_of_the_paper() -> None:
    params = {name: compose_config("search", f"space={name}").space.params for name in ("training", "paper")}
    assert dict(params["training"]) == {name: params["paper"][name] for name in params["training"]}


def test_the_study_of_the_reference_is_of_its_architecture() -> None:
    config = compose_config("search", "experiment=paper_reference")
    _, reference = space_of("paper")
    for name in reference.keys() - config.space.params.keys():
        assert OmegaConf.select(config, name) == reference[name], name
