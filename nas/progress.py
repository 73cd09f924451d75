"""What a running search shows: a live table on a terminal, plain log lines elsewhere; its tables on disk."""

import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from rich.live import Live
from rich.table import Table
from rich.text import Text

from nas.pareto import hypervolume
from nas.report.tables import write_tables
from nas.study import ENDED, Study, Trial, TrialState
from paretoparse.console import new_console

logger = logging.getLogger(__name__)


class Progress:
    """Shows how a search goes, and keeps its tables up to date; a context manager and the loop's `Events`.

    Args:
        study: The study.
        budget: Trials in all.
        folder: The search's folder.
    """

    def __init__(self, study: Study, budget: int, folder: Path) -> None:
        self._study = study
        self._budget = budget
        self._folder = folder
        self._running = 0
        self._start = time.monotonic()
        self._ended_before = len(study.history.of(*ENDED))
        self._console = new_console()
        self._live = Live(console=self._console, refresh_per_second=2) if self._console.is_terminal else None
        self._streams: list[tuple[logging.StreamHandler[TextIO], TextIO]] = []

    def __enter__(self) -> Self:
        if self._live is not None:
            before = (sys.stdout, sys.stderr)
            self._live.start()
            # Log handlers hold the stream of their time; without this they would write into the table.
            for handler in logging.getLogger().handlers:
                if isinstance(handler, logging.StreamHandler) and handler.stream in before:
                    self._streams.append((handler, handler.setStream(sys.stdout) or handler.stream))
            self._draw()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._draw()
            self._live.stop()
            for handler, stream in self._streams:
                handler.setStream(stream)

    def proposed(self, trials: Sequence[Trial], seconds: float) -> None:
        """See `Events.proposed`."""
        if trials[0].round > 0:
            logger.info("Round %d: proposed %d trials in %.1f s.", trials[0].round, len(trials), seconds)
        self._draw()

    def changed(self, trial: Trial) -> None:
        """See `Events.changed`."""
        name = f"Trial {trial.number}"
        if trial.repeats is not None:
            name = f"Repetition {trial.number} of trial {trial.repeats}"
        if trial.state is TrialState.TRAINED:
            logger.info("%s trained in %.1f s.", name, trial.seconds)
        elif trial.values is None:
            logger.warning("%s %s: %s", name, trial.state, trial.error)
        else:
            pairs = zip(self._study.goals.names, trial.values, strict=True)
            text = ", ".join(f"{metric} {value:.4g}" for metric, value in pairs)
            logger.info("%s completed in %.1f s: %s.", name, trial.seconds, text)
        self._draw()

    def waiting(self, running: int) -> None:
        """See `Events.waiting`."""
        if running != self._running:
            self._running = running
            self._draw()

    def round_ended(self) -> None:
        """See `Events.round_ended`."""
        logger.info("Round over: %s", ", ".join(f"{key} {value}" for key, value in self._summary().items()))
        write_tables(self._study, self._folder, fit=False)
        self._draw()

    def confirming(self, repetitions: Sequence[Trial]) -> None:
        """See `Events.confirming`."""
        count = len({one.repeats for one in repetitions})
        logger.info("Confirming: %d runs of %d trials with new seeds.", len(repetitions), count)
        self._draw()

    def _draw(self) -> None:
        if self._live is None:
            return
        table = Table(title="Search")
        summary = self._summary()
        for key in summary:
            table.add_column(Text(key), justify="right")
        table.add_row(*map(Text, summary.values()))
        self._live.update(table, refresh=True)

    def _summary(self) -> dict[str, str]:
        history = self._study.history
        ended = len(history.of(*ENDED))
        summary = {
            "trials": f"{ended}/{self._budget}",
            "failed": str(len(history.failed)),
            "running": str(self._running),
        }
        for index, objective in enumerate(history.goals.objectives):
            values = [trial.values[index] for trial in history.candidates if trial.values is not None]
            best = (max if objective.maximise else min)(values, default=None)
            summary[f"best {objective.metric}"] = "-" if best is None else f"{best:.4g}"
        volume = "-"
        if history.completed:
            volume = f"{hypervolume(history.values(history.candidates), history.reference):.4g}"
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
