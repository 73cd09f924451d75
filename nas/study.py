"""The study: every trial of a search, stored the moment anything about it is known.

Trials live in an Optuna storage, so that `optuna-dashboard` and Optuna's samplers can read them. A trial is
waiting (proposed), running, trained (its job ended, its measurement has not), unmeasured (its measurement
failed), completed or failed.
"""

import json
import logging
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from filelock import FileLock, Timeout
from omegaconf import OmegaConf
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, create_trial
from sqlalchemy.exc import SQLAlchemyError

from nas.errors import StudyError, StudyLockedError, StudyMismatchError
from nas.job import Metric, is_finite
from nas.space import Array, FloatParameter, IntegerParameter, Parameter, Point, Space, difference

FILE = "study.db"
LOCK = ".search.lock"
REFERENCE, SOBOL = "reference", "sobol"

logger = logging.getLogger(__name__)


class TrialState(StrEnum):
    """Where a trial stands."""

    WAITING = "waiting"
    RUNNING = "running"
    TRAINED = "trained"
    UNMEASURED = "unmeasured"
    COMPLETED = "completed"
    FAILED = "failed"


ENDED = (TrialState.COMPLETED, TrialState.FAILED, TrialState.UNMEASURED)
_OPTUNA_STATES = {
    optuna.trial.TrialState.WAITING: TrialState.WAITING,
    optuna.trial.TrialState.COMPLETE: TrialState.COMPLETED,
    optuna.trial.TrialState.FAIL: TrialState.FAILED,
    optuna.trial.TrialState.PRUNED: TrialState.FAILED,
}


@dataclass(frozen=True)
class Trial:
    """One trial.

    Attributes:
        number: Its number, from 0; also the job's number.
        point: Parameter values, and other overrides for the reference.
        origin: What proposed it: `reference`, `sobol` or a strategy's name.
        values: The two objectives in their own units and directions; None unless completed.
        metrics: All that the job and the measurement returned.
        error: Why it failed; None otherwise.
        seconds: Wall-clock time of its job and its measurement.
    """

    number: int
    state: TrialState
    point: Point
    batch: int
    origin: str
    values: tuple[float, ...] | None = None
    metrics: dict[str, Metric] = field(default_factory=dict)
    error: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Definition:
    """What makes two searches the same one; a resumed search may change anything else, the budget above
    all.
    """

    space: dict[str, Any]
    objectives: dict[str, str]
    reference: dict[str, Any] | None
    seed: int
    initial: int
    batch_size: int
    strategy: str

    def to_json(self) -> dict[str, Any]:
        """The fields, JSON-able; the order of the objectives counts, so they become a list."""
        return vars(self) | {"objectives": [list(item) for item in self.objectives.items()]}


class Study:
    """A search's trials in an Optuna storage.

    Args:
        study: The Optuna study.
    """

    def __init__(self, study: optuna.Study) -> None:
        self._study = study
        attributes = study.user_attrs
        if "definition" not in attributes:
            raise StudyError(
                f"the study '{study.study_name}' was not made by a search; point at a search's folder."
            )
        definition = attributes["definition"]
        self.token: str = attributes["token"]
        self.objectives: dict[str, str] = dict(definition["objectives"])
        self.description: dict[str, Any] = definition["space"]
        self.initial: int = definition["initial"]
        self.batch_size: int = definition["batch_size"]

    @property
    def parameter_names(self) -> list[str]:
        """Names of all parameters, the fixed ones included."""
        return list(self.description)

    def trials(self, *states: TrialState) -> list[Trial]:
        """The trials in any of the states, by number; all without a state."""
        trials = [_to_trial(frozen) for frozen in self._study.get_trials(deepcopy=False)]
        return [trial for trial in trials if not states or trial.state in states]

    def __len__(self) -> int:
        return len(self._study.get_trials(deepcopy=False))

    def propose(self, point: Mapping[str, Any], origin: str, batch: int, space: Space) -> None:
        """Adds a waiting trial."""
        inside = space.contains(point)
        distributions = {p.name: distribution(p) for p in space.parameters} if inside else {}
        self._study.add_trial(
            create_trial(
                state=optuna.trial.TrialState.WAITING,
                params={name: point[name] for name in distributions},
                distributions=distributions,
                user_attrs={"point": dict(point), "origin": origin, "batch": batch},
            )
        )

    def start_waiting(self) -> None:
        """Turns every waiting trial into a running one."""
        for _ in self.trials(TrialState.WAITING):
            self._study.ask()

    def set(self, number: int, **attributes: Any) -> None:
        """Stores attributes of an unfinished trial: `metrics`, `seconds`, `error`."""
        frozen = self._study.get_trials(deepcopy=False)[number]
        trial = optuna.trial.Trial(self._study, frozen._trial_id)
        for name, value in attributes.items():
            trial.set_user_attr(name, _encode_floats(value))

    def complete(self, number: int, metrics: Mapping[str, Metric], seconds: float) -> None:
        """Ends a trial with its objectives; a missing or non-finite objective makes it a failed one."""
        self.set(number, metrics=dict(metrics), seconds=seconds)
        for name in self.objectives:
            if name not in metrics:
                known = ", ".join(metrics) or "nothing"
                return self.fail(number, f"the metric {name} is missing; the job returned {known}.", seconds)
            if not is_finite(metrics[name]):
                return self.fail(
                    number, f"the metric {name} is {metrics[name]}, not a finite number.", seconds
                )
        self.set(number, error=None)
        self._study.tell(number, [float(metrics[name] or 0) for name in self.objectives])
        return None

    def fail(self, number: int, error: str, seconds: float = 0.0) -> None:
        """Ends a trial without a result."""
        self.set(number, error=error, seconds=seconds)
        self._study.tell(number, state=optuna.trial.TrialState.FAIL)

    def batch_of(self, number: int) -> int:
        """The batch that a trial number belongs to; 0 is the initial one."""
        return 0 if number < self.initial else 1 + (number - self.initial) // self.batch_size

    def batch_end(self, batch: int) -> int:
        """The first number after a batch."""
        return self.initial + batch * self.batch_size

    def scale(self) -> Array:
        """Each objective's unit, `2`: the reference model's value if that is positive, else 1."""
        reference = self.reference_values()
        return np.ones(2) if reference is None else np.where(reference > 0, reference, 1.0)

    def reference_values(self) -> Array | None:
        """The reference model's objectives, `2`, in their own units; None as long as there are none."""
        first = [t for t in self.trials(TrialState.COMPLETED) if t.origin == REFERENCE]
        return np.asarray(first[0].values, dtype=np.float64) if first else None

    def signs(self) -> Array:
        """`2`: 1 for an objective to maximise, -1 for one to minimise."""
        return np.array([1.0 if way == "maximize" else -1.0 for way in self.objectives.values()])

    def to_maximise(self, trials: Sequence[Trial]) -> Array:
        """The objectives of completed trials, `n x 2`, in units of the reference model and all to be
        maximised.
        """
        values = np.array([trial.values for trial in trials], dtype=np.float64).reshape(len(trials), 2)
        return values / self.scale() * self.signs()

    def reference_point(self) -> Array:
        """The reference point, `2`, on the scale of `to_maximise`: the reference model, or a point just
        below the front.

        Raises:
            StudyError: If no trial has completed.
        """
        reference = self.reference_values()
        if reference is not None:
            return np.asarray(reference / self.scale() * self.signs(), dtype=np.float64)
        completed = self.trials(TrialState.COMPLETED)
        if not completed:
            raise StudyError("no trial has completed yet, so there is no reference point.")
        values = self.to_maximise(completed)
        nadir, ideal = values.min(axis=0), values.max(axis=0)
        return np.asarray(nadir - 0.1 * np.maximum(ideal - nadir, 1e-6), dtype=np.float64)

    def add_suggest_seconds(self, batch: int, seconds: float) -> None:
        """Records how long proposing a batch took."""
        times = {**self.suggest_seconds(), str(batch): seconds}
        self._study.set_user_attr("suggest_seconds", times)

    def suggest_seconds(self) -> dict[str, float]:
        """Batch number (as text) to the time that surrogate and acquisition took."""
        return dict(self._study.user_attrs.get("suggest_seconds", {}))

    def add_diagnostics(self, batch: int, diagnostics: Sequence[Mapping[str, Any]]) -> None:
        """Records how well a batch's surrogate was sampled, one mapping an objective."""
        self.note("diagnostics", {**self.diagnostics(), str(batch): [dict(one) for one in diagnostics]})

    def diagnostics(self) -> dict[str, list[dict[str, Any]]]:
        """Batch number (as text) to what `add_diagnostics` recorded."""
        return dict(self.noted("diagnostics") or {})

    def note(self, name: str, content: Any) -> None:
        """Stores something about the study as a whole, JSON-able."""
        self._study.set_user_attr(name, content)

    def noted(self, name: str) -> Any:
        """What `note` stored; None if nothing."""
        return self._study.user_attrs.get(name)


def create_study(definition: Definition, storage: str, name: str) -> Study:
    """Creates the study, or opens it if it was created by the same search.

    Args:
        definition: What makes the search the same one.
        storage: URL of an Optuna storage.
        name: Name of the study in it.

    Raises:
        StudyMismatchError: If the study was started with another definition; the message lists the
            differences.
        StudyError: If the storage cannot be opened or written.
    """
    with storage_errors(storage):
        directions = [StudyDirection[way.upper()] for way in definition.objectives.values()]
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # the search logs its trials itself
        study = optuna.create_study(
            storage=storage, study_name=name, directions=directions, load_if_exists=True
        )
        stored = study.user_attrs.get("definition")
        current = json.loads(json.dumps(definition.to_json()))
        if stored is None:
            study.set_user_attr("token", uuid.uuid4().hex)
            study.set_user_attr("definition", current)
        elif lines := difference(stored, current):
            raise StudyMismatchError(
                "this folder holds a search with other settings; use those or another folder:\n  "
                + "\n  ".join(lines)
            )
        return Study(study)


def open_study(directory: Path) -> Study:
    """Opens the study of a search's folder, to read.

    Raises:
        StudyError: If there is none.
    """
    storage, name = storage_url(directory), "search"
    if not (directory / FILE).exists():
        config = directory / "multirun.yaml"
        if not config.exists():
            raise StudyError(
                f"{directory} is not a search's folder: it has neither {FILE} nor multirun.yaml."
            )
        settings = OmegaConf.load(config)
        storage = OmegaConf.select(settings, "hydra.sweeper.storage")
        name = OmegaConf.select(settings, "hydra.sweeper.study_name") or str(directory.resolve())
        if storage is None:
            raise StudyError(f"{directory} has no {FILE}: the search that made it has not started a trial.")
    with storage_errors(storage):
        try:
            return Study(optuna.load_study(study_name=name, storage=storage))
        except KeyError as error:
            raise StudyError(f"{storage} holds no study named '{name}'.") from error


def storage_url(directory: Path) -> str:
    """The Optuna URL of the study file in a folder."""
    return f"sqlite:///{(directory / FILE).resolve()}"


@contextmanager
def storage_errors(storage: str) -> Iterator[None]:
    """Turns what a storage raises, such as on a full disk, into a `StudyError`."""
    try:
        yield
    except (optuna.exceptions.StorageInternalError, SQLAlchemyError, optuna.exceptions.OptunaError) as error:
        cause = str(error.__cause__ or error).splitlines()[0]
        raise StudyError(f"the study in {storage} cannot be used: {cause}.") from error
    except OSError as error:
        raise StudyError(f"the search cannot use a file: {error}; mend that and start again.") from error


@contextmanager
def exclusive(directory: Path) -> Iterator[None]:
    """Holds a search's folder; the lock dies with the process.

    Raises:
        StudyLockedError: If another search holds it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    lock = FileLock(directory / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise StudyLockedError(
            f"another search is running in {directory}; wait for it or choose another folder."
        ) from error
    try:
        yield
    finally:
        lock.release()


def distribution(parameter: Parameter) -> BaseDistribution:
    """The parameter as Optuna knows it."""
    if isinstance(parameter, IntegerParameter):
        # Optuna knows no logarithmic integers with a step.
        log = parameter.log and parameter.step == 1
        return IntDistribution(parameter.low, parameter.high, log=log, step=parameter.step)
    if isinstance(parameter, FloatParameter):
        return FloatDistribution(parameter.low, parameter.high, log=parameter.log)
    return CategoricalDistribution(parameter.values)  # type: ignore[attr-defined]


def _to_trial(frozen: FrozenTrial) -> Trial:
    attributes = frozen.user_attrs
    state = _OPTUNA_STATES.get(frozen.state, TrialState.RUNNING)
    if state is TrialState.RUNNING and attributes.get("metrics") is not None:
        state = TrialState.UNMEASURED if attributes.get("error") else TrialState.TRAINED
    return Trial(
        number=frozen.number,
        state=state,
        point=attributes["point"],
        batch=attributes["batch"],
        origin=attributes["origin"],
        values=tuple(frozen.values) if frozen.values is not None else None,
        metrics=_decode_floats(attributes.get("metrics") or {}),
        error=attributes.get("error"),
        seconds=attributes.get("seconds", 0.0),
    )


def _encode_floats(value: Any) -> Any:
    """Storages such as PostgreSQL refuse NaN in JSON; metrics with one are kept as text."""
    return _map_values(value, lambda v: repr(v) if isinstance(v, float) and not is_finite(v) else v)


def _decode_floats(metrics: Mapping[str, Any]) -> dict[str, Metric]:
    special = {"nan", "inf", "-inf"}
    decoded: dict[str, Metric] = _map_values(metrics, lambda v: float(v) if v in special else v)
    return decoded


def _map_values(value: Any, change: Callable[[Any], Any]) -> Any:
    return {key: change(item) for key, item in value.items()} if isinstance(value, Mapping) else change(value)
