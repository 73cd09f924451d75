"""The sweeper's node in Hydra's configuration."""

from dataclasses import dataclass

from hydra.core.config_store import ConfigStore

from nas.settings import SearchSettings


@dataclass
class ParetoSweeperConf(SearchSettings):
    """`hydra/sweeper=pareto`."""

    _target_: str = "hydra_plugins.pareto_sweeper.sweeper.ParetoSweeper"
    _recursive_: bool = False


ConfigStore.instance().store(
    group="hydra/sweeper", name="pareto", node=ParetoSweeperConf, provider="pareto_sweeper"
)
