"""The loop of a search: propose a batch, run it, measure it, record it, until the budget is spent."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.types import HydraContext, TaskFunction
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf, open_dict

from nas.batch import BatchRunner
from nas.errors import SearchFailedError, SearchInterruptedError, SpaceExhaustedError
from nas.figures import write_figures
from nas.job import Metric, Outcome, RecordedTask, describe_error, read_outcome
from nas.progress import Progress
from nas.report import print_front, write_metrics, write_tables
from nas.settings import SearchSettings
from nas.strategy import Proposal, Strategy
from nas.strategy.sobol import SobolStrategy
from nas.study import (
    ENDED,
    REFERENCE,
    Definition,
    Study,
    Trial,
    TrialState,
    create_study,
    exclusive,
    storage_errors,
    storage_url,
)
from nas.sweep_syntax import format_overrides, parse_space, reference_point

Measure = Callable[[dict[str, Metric], Path], Mapping[str, Metric]]

logger = logging.getLogger(__name__)


def run_search(
    settings: SearchSettings,
    *,
    hydra_context: HydraContext,
    task_function: TaskFunction,
    config: DictConfig,
    arguments: Sequence[str],
    validate: Callable[[Sequence[Sequence[str]]], None],
) -> list[Sequence[JobReturn]]:
    """Runs a search, or goes on with the one in the sweep's folder.

    Args:
        settings: What to search, how long and how.
        hydra_context: Hydra's loader and callbacks.
        task_function: The job.
        config: The composed configuration.
        arguments: The command line's task overrides.
        validate: Hydra's check that a batch of overrides composes.

    Returns:
        What the launcher returned for each of its batches.

    Raises:
        NasError: With one sentence on what stops the search; everything recorded so far is kept.
    """
    start = time.perf_counter()
    settings.check()
    directory = Path(str(config.hydra.sweep.dir))
    storage = settings.storage or storage_url(directory)
    with exclusive(directory), storage_errors(storage):
        OmegaConf.save(config, directory / "multirun.yaml")
        search = _Search(settings, hydra_context, task_function, config, arguments)
        try:
            search.run(validate)
        except KeyboardInterrupt as error:
            raise SearchInterruptedError(
                f"the search was interrupted; to go on, repeat the command with hydra.sweep.dir={directory}."
            ) from error
        finally:
            search.report(time.perf_counter() - start)
    return search.runner.returns


class _Search:
    """One process's work on a search."""

    def __init__(
        self,
        settings: SearchSettings,
        hydra_context: HydraContext,
        task_function: TaskFunction,
        config: DictConfig,
        arguments: Sequence[str],
    ) -> None:
        self.settings = settings
        self.config = config
        self.hydra_context = hydra_context
        self.directory = Path(str(config.hydra.sweep.dir))
        self._job_directories: dict[int, Path] = {}
        self.space, self.others = parse_space(settings.params, arguments)
        self.reference = None
        if settings.reference is not None:
            defaults = {name: OmegaConf.select(config, name) for name in self.space.names}
            self.reference = reference_point(settings.reference, self.space, defaults)
        self.strategy: Strategy = instantiate(settings.strategy)
        self.measure: Measure | None = instantiate(settings.measure) if settings.measure else None
        self.study = self._open()
        self.progress = Progress(self.study, settings.budget)
        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context,
            task_function=RecordedTask(task_function, self.study.token),
            config=config,
        )
        if isinstance(launcher, BasicLauncher):
            logger.warning(
                "The basic launcher runs one job after another; hydra/launcher=joblib runs them side by side."
            )
        self.runner = BatchRunner(
            launcher,
            self.study.token,
            max_retries=settings.max_retries,
            ended=self._record,
            running=self.progress.set_running,
        )

    def _open(self) -> Study:
        settings = self.settings
        definition = Definition(
            space=self.space.describe(),
            objectives=dict(settings.objectives),
            reference=self.reference,
            seed=settings.seed,
            initial=settings.initial,
            batch_size=settings.batch_size,
            strategy=str(settings.strategy["_target_"]),
        )
        name = "search" if settings.storage is None else settings.study_name or str(self.directory.resolve())
        study = create_study(definition, settings.storage or storage_url(self.directory), name)
        before = study.noted("overrides")
        if before is None:
            study.note("overrides", self.others)
        elif before != self.others:
            logger.warning(
                "The trials so far ran with the overrides %s; the coming ones run with %s.",
                before,
                self.others,
            )
        return study

    def run(self, validate: Callable[[Sequence[Sequence[str]]], None]) -> None:
        """Works until the budget is spent."""
        with self.progress:
            if done := self.study.trials(*ENDED):
                logger.info("Going on with a search of which %d trials have ended.", len(done))
            for trial in self.study.trials(TrialState.RUNNING):
                self._record_if_ended(trial)
            self._measure(self.study.trials(TrialState.TRAINED, TrialState.UNMEASURED))
            self._check_reference()
            while self._propose():
                self._run_batch(validate)
                self._measure(self.study.trials(TrialState.TRAINED))
                self._check_reference()
                write_tables(self.study, self.directory)
                self.progress.batch_ended()
                self._check_failures()

    def _propose(self) -> bool:
        """Fills up the unfinished batch, or proposes the next one; False if there is nothing left to run."""
        study, settings = self.study, self.settings
        unfinished = study.trials(TrialState.WAITING, TrialState.RUNNING)
        known = len(study)
        batch = unfinished[0].batch if unfinished else study.batch_of(known)
        missing = min(study.batch_end(batch), settings.budget) - known
        if known == 0 and self.reference is not None:
            study.propose(self.reference, REFERENCE, 0, self.space)
            missing -= 1
        if missing > 0:
            start = time.perf_counter()
            for proposal in self._suggest(batch, missing):
                study.propose(proposal.point, proposal.origin, batch, self.space)
            if batch > 0:
                seconds = time.perf_counter() - start
                study.add_suggest_seconds(batch, seconds)
                logger.info("Batch %d: proposed %d trials in %.1f s.", batch, missing, seconds)
        return bool(study.trials(TrialState.WAITING, TrialState.RUNNING))

    def _suggest(self, batch: int, count: int) -> list[Proposal]:
        strategy = SobolStrategy() if batch == 0 else self.strategy
        try:
            return strategy.suggest(self.study, self.space, count, seed=self.settings.seed)
        except SpaceExhaustedError as error:
            logger.warning("The search ends before its budget: %s", error)
            return []

    def _run_batch(self, validate: Callable[[Sequence[Sequence[str]]], None]) -> None:
        trials = self.study.trials(TrialState.WAITING, TrialState.RUNNING)
        numbers = [trial.number for trial in trials]
        span = [t for t in self.study.trials() if numbers[0] <= t.number <= numbers[-1]]
        overrides = {trial.number: self._overrides(trial) for trial in span}
        validate([overrides[number] for number in numbers])
        directories = {trial.number: self._job_directory(trial) for trial in span}
        self.study.start_waiting()
        self.progress.refresh()
        self.runner.run(numbers, overrides, directories)

    def _overrides(self, trial: Trial) -> list[str]:
        fixed = {name: value for name, value in self.space.fixed.items() if name not in trial.point}
        return [*self.others, *format_overrides(fixed), *format_overrides(trial.point)]

    def _job_directory(self, trial: Trial) -> Path:
        # Composing a job takes a tenth of a second, and a trial is asked for its folder more than once.
        if trial.number not in self._job_directories:
            job = self.hydra_context.config_loader.load_sweep_config(self.config, self._overrides(trial))
            with open_dict(job):
                job.hydra.job.num = trial.number
                job.hydra.job.id = f"{job.hydra.job.name}_{trial.number}"
            folder = Path(str(job.hydra.sweep.dir)) / str(job.hydra.sweep.subdir)
            self._job_directories[trial.number] = folder
        return self._job_directories[trial.number]

    def _record_if_ended(self, trial: Trial) -> None:
        outcome = read_outcome(self._job_directory(trial), self.study.token)
        if outcome is not None:
            self._record(trial.number, outcome)

    def _record(self, number: int, outcome: Outcome) -> None:
        if outcome.error is not None:
            self.study.fail(number, outcome.error, outcome.seconds)
        elif self.measure is None:
            self.study.complete(number, outcome.metrics, outcome.seconds)
        else:
            self.study.set(number, metrics=outcome.metrics, seconds=outcome.seconds)
        self.progress.job_ended(number)

    def _measure(self, trials: Sequence[Trial]) -> None:
        """Measures trained trials one at a time, while nothing else runs."""
        # What measures may be a context manager, to open its device once for a batch.
        opened = self.measure if isinstance(self.measure, AbstractContextManager) else nullcontext()
        with opened if trials else nullcontext():
            self._measure_each(trials)

    def _measure_each(self, trials: Sequence[Trial]) -> None:
        for trial in trials:
            start = time.perf_counter()
            metrics = dict(trial.metrics)
            if self.measure is not None:
                self.study.set(trial.number, error=None)
                try:
                    metrics |= self.measure(dict(metrics), self._job_directory(trial))
                except Exception as error:
                    # Whatever a device does is this trial's failure, and a resumed search measures it again.
                    logger.exception("Trial %d could not be measured.", trial.number)
                    self.study.set(trial.number, error=f"measurement: {describe_error(error)}")
                    self.progress.trial_ended(trial.number)
                    continue
            self.study.complete(trial.number, metrics, trial.seconds + time.perf_counter() - start)
            self.progress.trial_ended(trial.number)

    def _check_reference(self) -> None:
        for trial in self.study.trials(TrialState.FAILED, TrialState.UNMEASURED):
            if trial.origin == REFERENCE:
                raise SearchFailedError(
                    f"the reference model failed, so nothing can be compared with it: {trial.error}"
                )
        reference = self.study.reference_values()
        if reference is not None and (reference <= 0).any():
            logger.warning(
                "The reference model's objectives are %s: only positive ones normalise.", reference
            )

    def _check_failures(self) -> None:
        ended = self.study.trials(*ENDED)
        failed = [trial for trial in ended if trial.state is not TrialState.COMPLETED]
        if len(failed) > self.settings.max_failure_rate * len(ended):
            raise SearchFailedError(
                f"{len(failed)} of {len(ended)} trials failed, more than max_failure_rate="
                f"{self.settings.max_failure_rate:g} allows; the last error: {failed[-1].error}"
            )

    def report(self, seconds: float) -> None:
        """Writes tables, figures and the summary of what there is."""
        write_tables(self.study, self.directory)
        write_metrics(self.study, self.directory, seconds)
        if self.study.trials(TrialState.COMPLETED):
            write_figures(self.study, self.directory)
            print_front(self.study)
