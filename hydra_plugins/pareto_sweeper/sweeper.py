"""The class that Hydra finds. Every Hydra app imports this file, so the search itself is imported when it
starts.
"""

from collections.abc import Sequence
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from hydra_plugins.pareto_sweeper.config import ParetoSweeperConf
from nas.settings import SearchSettings
from paretoparse.cli import reported_errors


class ParetoSweeper(Sweeper):
    """Multi-objective search over a Hydra app; see `SearchSettings` for what it takes."""

    hydra_context: HydraContext
    task_function: TaskFunction
    config: DictConfig

    def __init__(self, **settings: Any) -> None:
        plain: dict[str, Any] = {
            name: OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
            for name, value in settings.items()
        }
        self.settings = SearchSettings(**plain)

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Called by Hydra before `sweep`."""
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        """Called by Hydra with the command line's overrides; ends the process if the search cannot go on."""
        from nas.sweep import run_search

        with reported_errors():
            return run_search(
                self.settings,
                hydra_context=self.hydra_context,
                task_function=self.task_function,
                config=self.config,
                arguments=arguments,
            )


__all__ = ["ParetoSweeper", "ParetoSweeperConf"]
