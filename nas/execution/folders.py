"""Where the jobs of a search would write, before any of them runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from nas.errors import SettingsError
from paretoparse.errors import describe_error


class Folders:
    """Refuses jobs that cannot be composed, or that would share a folder.

    Composing a job takes from ten to a hundred milliseconds, and a launcher composes it anyway. So one job of
    a process is composed here, twice, with its own number and with another one: if its folder follows the
    number, no two jobs share one, and nothing else needs to be composed.

    Args:
        hydra_context: Hydra's loader.
        config: The composed configuration of the search.
        taken: Folders of earlier trials, by their numbers.
    """

    def __init__(self, hydra_context: HydraContext, config: DictConfig, taken: Mapping[int, str]) -> None:
        self._loader = hydra_context.config_loader
        self._config = config
        self._owners = {folder: number for number, folder in taken.items()}
        self._numbered: bool | None = None

    def check(self, jobs: Mapping[int, Sequence[str]]) -> None:
        """Checks jobs that are about to run.

        Args:
            jobs: Numbers to overrides.

        Raises:
            SettingsError: If one of them cannot be composed, or two would share a folder.
        """
        if self._numbered is None and jobs:
            number = min(jobs)
            try:
                own, other = (self.compose(n, jobs[number]) for n in (number, number + 1))
            except (HydraException, OmegaConfBaseException) as error:
                raise SettingsError(
                    f"the job of trial {number} cannot be composed: {describe_error(error)}"
                ) from error
            self._numbered = own != other
        if self._numbered:
            return
        for number, overrides in jobs.items():
            folder = str(self.compose(number, overrides))
            owner = self._owners.setdefault(folder, number)
            if owner != number:
                raise SettingsError(
                    f"trials {owner} and {number} would both write to {folder}; put ${{hydra.job.num}} into "
                    "hydra.sweep.subdir."
                )

    def compose(self, number: int, overrides: Sequence[str]) -> Path:
        """The folder of a job, composed as a launcher does."""
        job = self._loader.load_sweep_config(self._config, list(overrides))
        with open_dict(job):
            job.hydra.job.num = number
            job.hydra.job.id = f"{job.hydra.job.name}_{number}"
        holder = HydraConfig.instance()
        before = holder.cfg
        try:
            # The resolver `hydra:` reads from here.
            holder.set_config(job)
            folder = Path(str(OmegaConf.select(job, "hydra.sweep.dir")))
            return (folder / str(OmegaConf.select(job, "hydra.sweep.subdir"))).resolve()
        finally:
            holder.cfg = before
