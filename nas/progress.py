"""What a running search shows: a live table on a terminal, plain log lines elsewhere."""

import logging
import sys
import threading
import time
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table

from nas.pareto import hypervolume
from nas.study import ENDED, Study, Trial, TrialState

logger = logging.getLogger(__name__)


class Progress:
    """Shows how a search goes; a context manager.

    Args:
        study: The study.
        budget: Trials in all.
    """

    def __init__(self, study: Study, budget: int) -> None:
        self._study = study
        self._budget = budget
        self._running = 0
        self._start = time.monotonic()
        self._ended_before = len(study.trials(*ENDED))
        self._console = Console()
        self._live = Live(console=self._console, refresh_per_second=2) if self._console.is_terminal else None
        self._streams: list[tuple[logging.StreamHandler[TextIO], TextIO]] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        if self._live is not None:
            before = (sys.stdout, sys.stderr)
            self._live.start()
            # Log handlers hold the stream of their time; without this they would write into the table.
            for handler in logging.getLogger().handlers:
                if isinstance(handler, logging.StreamHandler) and handler.stream in before:
                    self._streams.append((handler, handler.setStream(sys.stdout) or handler.stream))
            self.refresh()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self.refresh()
            self._live.stop()
            for handler, stream in self._streams:
                handler.setStream(stream)

    def set_running(self, count: int) -> None:
        """Tells how many jobs run now."""
        if count != self._running:
            self._running = count
            self.refresh()

    def job_ended(self, number: int) -> None:
        """Tells that a job has been recorded."""
        trial = self._trial(number)
        if trial.state is TrialState.TRAINED:
            logger.info("Trial %d trained in %.1f s.", number, trial.seconds)
            self.refresh()
        else:
            self.trial_ended(number)

    def trial_ended(self, number: int) -> None:
        """Tells that a trial is over."""
        trial = self._trial(number)
        if trial.values is None:
            logger.warning("Trial %d %s: %s", number, trial.state, trial.error)
        else:
            values = zip(self._study.objectives, trial.values, strict=True)
            text = ", ".join(f"{name} {value:.4g}" for name, value in values)
            logger.info("Trial %d completed in %.1f s: %s.", number, trial.seconds, text)
        self.refresh()

    def batch_ended(self) -> None:
        """Tells that a batch is over."""
        logger.info("Batch over: %s", ", ".join(f"{key} {value}" for key, value in self._summary().items()))
        self.refresh()

    def refresh(self) -> None:
        """Draws the table anew."""
        if self._live is None:
            return
        table = Table(title="Search")
        summary = self._summary()
        for key in summary:
            table.add_column(key, justify="right")
        table.add_row(*summary.values())
        with self._lock:
            self._live.update(table, refresh=True)

    def _trial(self, number: int) -> Trial:
        return self._study.trials()[number]

    def _summary(self) -> dict[str, str]:
        trials = self._study.trials()
        completed = [trial for trial in trials if trial.state is TrialState.COMPLETED]
        ended = sum(trial.state in ENDED for trial in trials)
        summary = {
            "trials": f"{ended}/{self._budget}",
            "failed": str(ended - len(completed)),
            "running": str(self._running),
        }
        for index, (name, way) in enumerate(self._study.objectives.items()):
            values = [trial.values[index] for trial in completed if trial.values is not None]
            best = (max if way == "maximize" else min)(values, default=None)
            summary[f"best {name}"] = "-" if best is None else f"{best:.4g}"
        volume = "-"
        if completed:
            objectives = self._study.to_maximise(completed)
            volume = f"{hypervolume(objectives, self._study.reference_point()):.4g}"
        elapsed = time.monotonic() - self._start
        now = ended - self._ended_before
        left = elapsed / now * (self._budget - ended) if now else None
        return summary | {
            "hypervolume": volume,
            "elapsed": _clock(elapsed),
            "left": "-" if left is None else _clock(left),
        }


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
