"""A search as a Hydra sweep: settings in, a loop over a launcher, tables and figures out."""

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.errors import InstantiationException
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from nas.errors import SearchInterruptedError, SettingsError
from nas.execution.folders import Folders
from nas.execution.launcher import LauncherExecutor, is_serial
from nas.execution.loop import Loop, Plan
from nas.execution.measurement import Measurement, as_measurement
from nas.execution.outcomes import FOLDER, Outcomes, RecordedTask
from nas.progress import Progress
from nas.report import write_report
from nas.settings import SearchSettings
from nas.space import Point, Space
from nas.space.syntax import configured_values, parse_space, reference_point
from nas.strategy import Strategy, make_strategy
from nas.study import Goals
from nas.study.store import Definition, StoredStudy, exclusive, open_or_create, storage_errors, storage_url
from paretoparse.checks import Range
from paretoparse.errors import describe_error

_MISSING: Any = object()

logger = logging.getLogger(__name__)


def run_search(
    settings: SearchSettings,
    *,
    hydra_context: HydraContext,
    task_function: TaskFunction,
    config: DictConfig,
    arguments: Sequence[str],
) -> list[Sequence[JobReturn]]:
    """Runs a search, or goes on with the one in the sweep's folder.

    Args:
        settings: What to search, how long and how.
        hydra_context: Hydra's loader and callbacks.
        task_function: The job.
        config: The composed configuration.
        arguments: The command line's task overrides.

    Returns:
        What the launcher returned for each of its groups of jobs.

    Raises:
        NasError: With one sentence on what stops the search; everything recorded so far is kept.
    """
    began = time.perf_counter()
    search = _Search(settings, hydra_context, config, arguments)
    with exclusive(search.folder), storage_errors(settings.storage or storage_url(search.folder)):
        OmegaConf.save(config, search.folder / "multirun.yaml")
        study = search.open_study()
        study.begin_session()
        executor = search.executor(study, hydra_context, task_function)
        try:
            with Progress(study, settings.budget, search.folder) as progress:
                search.loop(study, executor, progress).run()
        except KeyboardInterrupt as error:
            raise SearchInterruptedError(
                f"the search was interrupted; to go on, repeat the command with hydra.sweep.dir="
                f"{search.folder}."
            ) from error
        finally:
            study.session_goes_on()
            study.note("seconds", float(study.noted("seconds") or 0.0) + time.perf_counter() - began)
            write_report(study, search.folder)
    return executor.returns


class _Search:
    """The parts of a search, made from its settings.

    Everything that can be refused is refused here, before the folder is touched.
    """

    def __init__(
        self,
        settings: SearchSettings,
        hydra_context: HydraContext,
        config: DictConfig,
        arguments: Sequence[str],
    ) -> None:
        self.settings = settings
        self.config = config
        self.folder = Path(str(config.hydra.sweep.dir)).resolve()
        Range(whole=True).check("max_retries", settings.max_retries, SettingsError)
        self.plan = Plan(
            settings.budget,
            settings.initial,
            settings.batch_size,
            seed=settings.seed,
            max_failure_rate=settings.max_failure_rate,
            confirm=settings.confirm,
            repetitions=settings.repetitions,
            seed_key=settings.seed_key,
        )
        objectives = {metric: goal for metric, goal in settings.objectives.items() if goal is not None}
        self.goals = Goals.of(objectives, settings.constraints)
        self.space: Space
        self.space, self.others = parse_space(settings.params, arguments, hydra_context.config_loader)
        if settings.confirm:
            self._check_seed_key()
        self.reference = self._reference()
        if self.goals.needs_reference and self.reference is None:
            raise SettingsError(
                "a constraint is relative to the reference, but hydra.sweeper.reference names none."
            )
        self.strategy: Strategy = _instantiate(
            "hydra.sweeper.strategy cannot be made", lambda: make_strategy(settings.strategy)
        )
        self.measurement: Measurement | None = None
        if settings.measure:
            made = _instantiate("hydra.sweeper.measure cannot be made", lambda: instantiate(settings.measure))
            self.measurement = as_measurement(made)
        if settings.check:
            _instantiate("no trial can run", lambda: instantiate(settings.check))

    def _check_seed_key(self) -> None:
        """Refuses a search whose finds could not be trained with other seeds."""
        key = self.settings.seed_key
        remedy = "name the key of the task's seed, or set hydra.sweeper.confirm=0"
        if OmegaConf.select(self.config, key, default=_MISSING, throw_on_missing=False) is _MISSING:
            raise SettingsError(
                f"the task's configuration has no key '{key}' (hydra.sweeper.seed_key) to confirm trials "
                f"with other seeds; {remedy}."
            )
        if key in self.space.names:
            raise SettingsError(
                f"hydra.sweeper.seed_key={key} is a parameter of the search, so trials cannot be confirmed "
                f"with other seeds; {remedy}."
            )

    def _reference(self) -> Point | None:
        if self.settings.reference is None:
            return None
        defaults = configured_values(self.config, self.space)
        return reference_point(self.settings.reference, self.space, defaults)

    def open_study(self) -> StoredStudy:
        settings = self.settings
        definition = Definition(
            space=self.space.describe(),
            goals=self.goals.describe(),
            reference=self.reference,
            plan={
                "seed": settings.seed,
                "initial": settings.initial,
                "batch_size": settings.batch_size,
            },
            settings={
                "strategy": settings.strategy,
                "measure": settings.measure,
                "configuration": self._task(),
            },
        )
        return open_or_create(
            self.folder,
            definition,
            settings.storage,
            settings.study_name,
            accept_changes=settings.accept_changes,
        )

    def _task(self) -> dict[str, Any]:
        """The task's configuration, as far as results depend on it and trials do not set it."""
        task = OmegaConf.to_container(self.config, resolve=False)
        assert isinstance(task, dict)
        for key in ("hydra", *self.settings.irrelevant, *self.space.names):
            _remove(task, key.split("."))
        return {str(key): value for key, value in task.items()}

    def executor(
        self, study: StoredStudy, hydra_context: HydraContext, task_function: TaskFunction
    ) -> LauncherExecutor:
        outcomes = Outcomes(self.folder / FOLDER, study.token)
        launcher: Launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context,
            task_function=RecordedTask(task_function, outcomes, self.goals.names),
            config=self.config,
        )
        if is_serial(launcher):
            logger.warning(
                "The basic launcher runs one job after another; hydra/launcher=joblib runs them side by side."
            )
        trials = [*study.history.trials, *study.repetitions]
        taken = {t.number: t.folder for t in trials if t.folder is not None}
        return LauncherExecutor(
            launcher,
            outcomes,
            self._overrides,
            Folders(hydra_context, self.config, taken),
            objectives=self.goals.names,
            max_retries=self.settings.max_retries,
        )

    def _overrides(self, point: Point) -> list[str]:
        return [*self.others, *self.space.overrides(point)]

    def loop(self, study: StoredStudy, executor: LauncherExecutor, progress: Progress) -> Loop:
        return Loop(
            study,
            self.strategy,
            executor,
            self.plan,
            measurement=self.measurement,
            reference=self.reference,
            events=progress,
        )


def _instantiate(failure: str, make: Any) -> Any:
    try:
        return make()
    except InstantiationException as error:
        raise SettingsError(f"{failure}: {describe_error(error)}") from error


def _remove(tree: Any, path: Sequence[str]) -> None:
    for name in path[:-1]:
        tree = tree.get(name) if isinstance(tree, Mapping) else None
    if isinstance(tree, dict):
        tree.pop(path[-1], None)
