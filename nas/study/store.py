"""Studies on disk: an Optuna storage, so that `optuna-dashboard` and Optuna itself can read them.

A search's folder holds `study.json`, which names the storage and the study in it, so that reports find them
from anywhere; and a study holds the token of its folder, so that no two searches work on one study.
"""

import json
import logging
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock, Timeout
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, create_trial
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from nas.errors import StudyError, StudyMismatchError
from nas.space import difference, read_space, tell
from nas.space.optuna import distributions, to_params
from nas.study.goals import Goals, Metric, is_finite
from nas.study.study import Study
from nas.study.trials import Trial, TrialState
from paretoparse.files import relative, write_json

DATABASE = "study.db"
ADDRESS = "study.json"
LOCK = ".search.lock"
NAME = "search"
# Another process that creates the same database or study needs moments from its name to its definition, and
# on a busy machine seconds.
_CREATION_SECONDS = 20.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Definition:
    """What makes two searches the same one.

    Attributes:
        space: As `Space.describe` has it.
        goals: As `Goals.describe` has it.
        reference: The reference model's point; None: there is none.
        plan: What the order of trials depends on: seed, sizes of the rounds.
        settings: What the trials' results depend on: strategy, measurement, the task's configuration and
            overrides.
    """

    space: Mapping[str, Any]
    goals: Mapping[str, Any]
    reference: Mapping[str, Any] | None
    plan: Mapping[str, Any]
    settings: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The definition as it comes back from JSON."""
        content = {"space": self.space, **self.goals, "reference": self.reference, **self.plan}
        plain: dict[str, Any] = json.loads(json.dumps({**content, "settings": self.settings}))
        return plain


class StoredStudy(Study):
    """A study whose every change is in its Optuna storage before the method returns.

    Paths within the search's folder are stored relative to it, so that they hold wherever it is moved.

    Args:
        study: The Optuna study, with a definition.
        folder: The search's folder.
    """

    def __init__(self, study: optuna.Study, folder: Path) -> None:
        attributes = study.user_attrs
        if "definition" not in attributes:
            raise StudyError(
                f"the study '{study.study_name}' was not made by a search; point at a search's folder."
            )
        self._study = study
        self._folder = folder.resolve()
        frozen = study.get_trials(deepcopy=False)
        self._ids = [one._trial_id for one in frozen]
        self.definition: dict[str, Any] = attributes["definition"]
        self.token: str = attributes["token"]
        super().__init__(
            read_space(self.definition["space"]),
            Goals.read(self.definition),
            trials=[_to_trial(one, self._folder) for one in frozen],
            notes=attributes,
        )
        self._distributions = distributions(self.space)

    def note(self, name: str, content: Any) -> None:
        """See `Study.note`."""
        self._study.set_user_attr(name, content)
        super().note(name, content)

    @property
    def times(self) -> dict[int, tuple[float, float]]:
        """See `Study.times`; Optuna keeps them."""
        return {
            one.number: (one.datetime_start.timestamp(), one.datetime_complete.timestamp())
            for one in self._study.get_trials(deepcopy=False)
            if one.datetime_start is not None and one.datetime_complete is not None
        }

    def _create(self, trial: Trial) -> None:
        # Optuna knows the parameters of points inside the space; the reference may lie outside.
        inside = self.space.contains(trial.point)
        params = to_params(self.space, trial.point) if inside else {}
        self._study.add_trial(
            create_trial(
                state=optuna.trial.TrialState.RUNNING,
                params=params,
                distributions={name: self._distributions[name] for name in params},
                user_attrs={
                    "point": dict(trial.point),
                    "round": trial.round,
                    "origin": trial.origin,
                    "attributes": dict(trial.attributes),
                    "repeats": trial.repeats,
                },
            )
        )
        stored = self._study._storage.get_trial_id_from_study_id_trial_number(
            self._study._study_id, trial.number
        )
        self._ids.append(stored)

    def _update(self, trial: Trial) -> None:
        storage, trial_id = self._study._storage, self._ids[trial.number]
        result = {
            "state": trial.state,
            "metrics": _encode_floats(trial.metrics),
            "error": trial.error,
            "seconds": trial.seconds,
            "folder": None if trial.folder is None else relative(trial.folder, self._folder),
            "files": {name: relative(path, self._folder) for name, path in trial.files.items()},
        }
        storage.set_trial_user_attr(trial_id, "result", result)
        if trial.state is TrialState.COMPLETED:
            storage.set_trial_state_values(trial_id, optuna.trial.TrialState.COMPLETE, trial.values)
        elif trial.state is TrialState.FAILED:
            storage.set_trial_state_values(trial_id, optuna.trial.TrialState.FAIL)


def open_or_create(
    folder: Path, definition: Definition, storage: str | None, name: str | None, *, accept_changes: bool
) -> StoredStudy:
    """Opens the study of a search, or creates it.

    Args:
        folder: The search's folder, which exists.
        definition: What the search is.
        storage: URL of an Optuna storage; None: a file in the folder.
        name: The study's name in it; None: the folder's path, or `search` in the folder's own file.
        accept_changes: Go on although the settings are not those of the trials so far.

    Raises:
        StudyMismatchError: If the study was started with another definition; the message lists the
            first differences.
        StudyError: If the storage cannot be used, or the study belongs to the search in another folder.
    """
    if storage is None:
        url, name = storage_url(folder), name or NAME
    else:
        url, name = absolute(storage), name or str(folder.resolve())
    current = definition.to_json()
    with storage_errors(url):
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # the search logs its trials itself
        address = _read_address(folder)
        directions = [StudyDirection[way.upper()] for _, way in definition.goals["objectives"]]
        rdb = _connect(url)
        try:
            study = optuna.create_study(
                storage=rdb, study_name=name, directions=directions, sampler=_NO_SAMPLER
            )
        except optuna.exceptions.DuplicatedStudyError:
            study = _wait_for_definition(optuna.load_study(study_name=name, storage=rdb, sampler=_NO_SAMPLER))
        else:
            token = uuid.uuid4().hex
            address = {"storage": url, "study": name, "token": token}
            write_json(folder / ADDRESS, address)
            study.set_user_attr("token", token)
            study.set_user_attr("definition", current)
        opened = StoredStudy(study, folder)
        if storage is not None and address.get("token") != opened.token:
            raise StudyError(
                f"the study '{name}' in {_shown(url)} belongs to the search of another folder; go on in that "
                "folder, or give another study_name."
            )
        _compare(opened, current, accept_changes=accept_changes)
        return opened


def _connect(url: str) -> optuna.storages.RDBStorage:
    deadline = time.monotonic() + _CREATION_SECONDS
    while True:
        try:
            return optuna.storages.RDBStorage(url)
        except SQLAlchemyError as error:
            # Searches that make the tables of a new database at once can be late at each of them, or wait too
            # long for those who write.
            said = str(error)
            late = isinstance(error, IntegrityError) or "already exists" in said or "locked" in said
            if not late or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        except RuntimeError as error:
            raise StudyError(f"the study in {_shown(url)} cannot be used: {error}") from error


def _wait_for_definition(study: optuna.Study) -> optuna.Study:
    deadline = time.monotonic() + _CREATION_SECONDS
    while "definition" not in study.user_attrs and time.monotonic() < deadline:
        time.sleep(0.1)
    return study


def _compare(study: StoredStudy, current: dict[str, Any], *, accept_changes: bool) -> None:
    stored = study.definition
    lines = difference(
        {k: v for k, v in stored.items() if k != "settings"},
        {k: v for k, v in current.items() if k != "settings"},
    )
    if lines:
        raise StudyMismatchError(
            "this folder holds a search with other settings; use those or another folder: " + tell(lines)
        )
    changes = difference(stored.get("settings", {}), current["settings"], absent_is_off=True)
    if not changes:
        return
    if not accept_changes:
        raise StudyMismatchError(
            "the trials so far ran with other settings; use those, another folder, or "
            "hydra.sweeper.accept_changes=true to mix them: " + tell(changes)
        )
    logger.warning("The coming trials run with other settings than those so far:\n  %s", "\n  ".join(changes))
    study.note("definition", stored | {"settings": current["settings"]})


def open_study(folder: Path) -> StoredStudy:
    """Opens the study of a search's folder, to read.

    Raises:
        StudyError: If there is none.
    """
    address = _read_address(folder)
    if not address and not (folder / DATABASE).is_file():
        raise StudyError(f"{folder} is not a search's folder: it has neither {DATABASE} nor {ADDRESS}.")
    # A folder may have been moved since; its own file moves with it.
    own = (folder / DATABASE).is_file()
    url = storage_url(folder) if own else address["storage"]
    name = address.get("study", NAME)
    with storage_errors(url):
        try:
            study = optuna.load_study(study_name=name, storage=_connect(url), sampler=_NO_SAMPLER)
            return StoredStudy(study, folder)
        except KeyError as error:
            raise StudyError(f"{_shown(url)} holds no study named '{name}'.") from error


def _read_address(folder: Path) -> dict[str, str]:
    try:
        return dict(json.loads((folder / ADDRESS).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError) as error:
        raise StudyError(f"{folder / ADDRESS} is damaged ({error}); delete it to start anew.") from error


def storage_url(folder: Path) -> str:
    """The Optuna URL of the study file in a folder."""
    return f"sqlite:///{(folder / DATABASE).resolve()}"


def absolute(storage: str) -> str:
    """A storage's URL that means the same from every folder.

    Raises:
        StudyError: If it is no URL of a database.
    """
    try:
        url = make_url(storage)
    except SQLAlchemyError as error:
        raise StudyError(
            f"storage={storage} is no URL of a database; write sqlite:///FILE or postgresql://…, or leave it "
            "out for a file in the search's folder."
        ) from error
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        url = url.set(database=str(Path(url.database).expanduser().resolve()))
    return url.render_as_string(hide_password=False)


def _shown(storage: str) -> str:
    """The URL without its password."""
    return make_url(storage).render_as_string(hide_password=True)


@contextmanager
def storage_errors(storage: str) -> Iterator[None]:
    """Turns what a storage raises, such as on a full disk, into a `StudyError`."""
    try:
        yield
    except ImportError as error:
        backend = storage.split(":", 1)[0]
        raise StudyError(
            f"the storage {_shown(storage)} needs a driver that is not installed ({error}); install one "
            f"for {backend}, or use another storage."
        ) from error
    except (optuna.exceptions.OptunaError, SQLAlchemyError) as error:
        causes = [error, error.__cause__ or error, (error.__cause__ or error).__cause__ or error]
        said = next((str(one).splitlines()[0] for one in reversed(causes) if str(one)), type(error).__name__)
        raise StudyError(f"the study in {_shown(storage)} cannot be used: {said.rstrip('.')}.") from error


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Makes a search's folder and holds it; the lock dies with the process.

    Raises:
        StudyError: If it cannot be made or written, or another search holds it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise StudyError(
            f"another search is running in {folder}; wait for it or choose another folder."
        ) from error
    except OSError as error:
        raise StudyError(
            f"the search's folder {folder} cannot be written ({error.strerror}); choose another folder."
        ) from error
    try:
        yield
    finally:
        lock.release()


# The search's strategies propose, never Optuna's default sampler, which would look at every trial so far.
_NO_SAMPLER = optuna.samplers.RandomSampler()

_STATES = {
    optuna.trial.TrialState.COMPLETE: TrialState.COMPLETED,
    optuna.trial.TrialState.FAIL: TrialState.FAILED,
}


def _to_trial(frozen: FrozenTrial, folder: Path) -> Trial:
    attributes = frozen.user_attrs
    result = attributes.get("result") or attributes  # earlier versions stored each field by itself
    state = _STATES.get(frozen.state) or TrialState(result.get("state", TrialState.RUNNING))
    if frozen.state is optuna.trial.TrialState.RUNNING and state in _STATES.values():
        # Killed between storing the result and the state: its outcome is read again.
        state = TrialState.RUNNING
    return Trial(
        number=frozen.number,
        state=state,
        point=attributes["point"],
        round=attributes.get("round", attributes.get("batch", 0)),
        origin=attributes["origin"],
        values=tuple(frozen.values) if frozen.values is not None else None,
        metrics=_decode_floats(result.get("metrics") or {}),
        error=result.get("error"),
        seconds=result.get("seconds") or 0.0,
        # An absolute path stays what it is.
        folder=None if result.get("folder") is None else str(folder / result["folder"]),
        files={name: str(folder / path) for name, path in (result.get("files") or {}).items()},
        attributes=attributes.get("attributes", {}),
        repeats=attributes.get("repeats"),
    )


def _encode_floats(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Storages such as PostgreSQL refuse NaN in JSON; it is kept as text."""
    return _map(metrics, lambda v: repr(v) if isinstance(v, float) and not is_finite(v) else v)


def _decode_floats(metrics: Mapping[str, Any]) -> dict[str, Metric]:
    return _map(metrics, lambda v: float(v) if v in ("nan", "inf", "-inf") else v)


def _map(values: Mapping[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    return {key: change(value) for key, value in values.items()}
