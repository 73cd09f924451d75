import json
import math
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest

from nas.errors import StudyError, StudyMismatchError
from nas.space import Space
from nas.study import Goals, Proposal, Suggestion, TrialState
from nas.study.store import Definition, StoredStudy, exclusive, open_or_create, open_study, storage_url
from tests.nas.conftest import Fill, draw_points

Open = Callable[..., StoredStudy]


@pytest.fixture
def definition(space: Space, goals: Goals) -> Definition:
    return Definition(space.describe(), goals.describe(), None, {"seed": 0}, {"configuration": {"epochs": 3}})


@pytest.fixture
def opened(tmp_path: Path, definition: Definition) -> Open:
    def make(folder: Path = tmp_path, accept_changes: bool = False, **changes: Any) -> StoredStudy:
        storage, name = changes.pop("storage", None), changes.pop("name", None)
        return open_or_create(
            folder, replace(definition, **changes), storage, name, accept_changes=accept_changes
        )

    return make


def test_everything_survives_on_disk(opened: Open, fill: Fill, tmp_path: Path) -> None:
    study = opened()
    fill(study, 3, reference=True)
    points = draw_points(study.space, 5, seed=7)
    state = {"ends": [0.1, 1 / 3, 1e-300]}
    study.add(
        Suggestion(tuple(Proposal(p, "saas", {"k": [1]}) for p in points), ({"rhat": 1.01},), state),
        seconds=2.0,
    )
    inside, elsewhere = str(tmp_path / "trials" / "3"), str(tmp_path.parent / "b")
    odd = {"accuracy": math.nan, "b": math.inf, "c": "nan?"}
    study.trained(3, odd, seconds=1.5, folder=inside, files={"a": f"{inside}/a", "b": elsewhere})
    study.unmeasured(3, "gone")
    study.fail(4, "broken", seconds=2.0)
    study.trained(5, {"accuracy": 0.1}, seconds=0.1)
    for again in (open_study(tmp_path), opened()):
        assert repr(again.history.trials) == repr(study.history.trials)
        assert again.history.state == state
        assert again.token == study.token
        assert again.suggest_seconds == study.suggest_seconds
        assert again.diagnostics == {"1": [{"rhat": 1.01}]}
        assert again.open() == study.open()


def test_paths_in_the_searchs_folder_move_with_it(opened: Open, fill: Fill, tmp_path: Path) -> None:
    study = opened()
    study.add(Suggestion(tuple(Proposal(p, "saas") for p in draw_points(study.space, 1))))
    files = {"a": str(tmp_path / "0" / "a"), "b": "/elsewhere/b"}
    study.trained(0, {"accuracy": 0.1}, seconds=1.0, folder=str(tmp_path / "0"), files=files)
    moved = tmp_path / "moved"
    moved.mkdir()
    (tmp_path / "study.db").rename(moved / "study.db")
    trial = open_study(moved)[0]
    assert trial.folder == str(moved / "0")
    assert trial.files == {"a": str(moved / "0" / "a"), "b": "/elsewhere/b"}


def test_it_knows_when_trials_were_proposed_and_when_they_ended(
    opened: Open, fill: Fill, tmp_path: Path
) -> None:
    before = time.time()
    study = opened()
    fill(study, 2)
    study.add(Suggestion(tuple(Proposal(p, "saas") for p in draw_points(study.space, 2, seed=7))))
    study.fail(3, "broken")
    times = open_study(tmp_path).times
    assert set(times) == {0, 1, 3}  # what is still running has not ended
    assert all(before - 1 <= start <= end <= time.time() for start, end in times.values())
    assert times == study.times


def test_optuna_sees_states_parameters_and_values(opened: Open, fill: Fill, tmp_path: Path) -> None:
    study = opened()
    fill(study, 2)
    study.add(Suggestion((Proposal(draw_points(study.space, 1, 5)[0], "sobol"),)))
    study.fail(2, "broken")
    loaded = optuna.load_study(study_name="search", storage=storage_url(tmp_path))
    assert [trial.state.name for trial in loaded.trials] == ["COMPLETE", "COMPLETE", "FAIL"]
    assert loaded.trials[0].params == study[0].point
    assert tuple(loaded.trials[0].values) == study[0].values
    assert [d.name for d in loaded.directions] == ["MAXIMIZE", "MINIMIZE"]


def test_the_reference_may_lie_outside_the_space(opened: Open, tmp_path: Path) -> None:
    study = opened()
    point = draw_points(study.space, 1)[0] | {"width": 1000, "trainer.epochs": 3}
    study.add(Suggestion((Proposal(point, "reference"),)))
    assert open_study(tmp_path)[0].point == point


def test_another_search_is_refused_with_its_differences(opened: Open, space: Space) -> None:
    opened()
    with pytest.raises(StudyMismatchError, match=r"seed: was 0, is 1"):
        opened(plan={"seed": 1})
    with pytest.raises(StudyMismatchError, match=r"objectives: was \[\[\"accuracy\""):
        opened(goals=Goals.of({"latency": "minimize", "accuracy": "maximize"}).describe())
    with pytest.raises(StudyMismatchError, match=r"constraints: was \[\], is \[\"latency <= 3\"\]"):
        opened(goals=Goals.of({"accuracy": "maximize", "latency": "minimize"}, ["latency <= 3"]).describe())


def test_other_settings_are_mixed_only_if_that_is_wanted(
    opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    opened()
    changed = {"configuration": {"epochs": 9}}
    with pytest.raises(StudyMismatchError, match=r"configuration: epochs: was 3, is 9"):
        opened(settings=changed)
    opened(settings=changed, accept_changes=True)
    assert "epochs: was 3, is 9" in caplog.text
    opened(settings=changed)


def test_an_option_that_came_later_changes_settings_only_where_it_is_on(opened: Open) -> None:
    opened()
    for off in (0, False, None, {"layers": 0}):
        opened(settings={"configuration": {"epochs": 3, "later": off}})
    with pytest.raises(StudyMismatchError, match=r"configuration: later: was null, is 2"):
        opened(settings={"configuration": {"epochs": 3, "later": 2}})
    with pytest.raises(StudyMismatchError, match=r"configuration: epochs: was 3, is 0"):
        opened(settings={"configuration": {"epochs": 0, "later": 0}})


def test_a_study_in_a_shared_storage_belongs_to_one_folder(opened: Open, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    storage = f"sqlite:///{tmp_path}/shared.db"
    first = opened(folders[0], storage=storage, name="one")
    with pytest.raises(StudyError, match="belongs to the search of another folder"):
        opened(folders[1], storage=storage, name="one")
    assert opened(folders[1], storage=storage, name="two").token != first.token
    # A folder that was moved is still the same search's.
    moved = folders[0].rename(tmp_path / "c")
    assert opened(moved, storage=storage, name="one").token == first.token
    assert open_study(moved).token == first.token


def test_two_searches_that_start_at_once_on_one_study(opened: Open, tmp_path: Path) -> None:
    storage, results = f"sqlite:///{tmp_path}/shared.db", list[str]()

    def start(name: str) -> None:
        (tmp_path / name).mkdir()
        try:
            results.append(opened(tmp_path / name, storage=storage, name="one").token)
        except StudyError as error:
            results.append(str(error))

    names = "abcdefgh"
    threads = [threading.Thread(target=start, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum("another folder" in result for result in results) == len(names) - 1, results


def test_a_storage_of_another_version_of_optuna_is_refused(opened: Open, tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path}/shared.db"
    opened(storage=storage)
    with sqlite3.connect(tmp_path / "shared.db") as database:
        database.execute("UPDATE alembic_version SET version_num = 'v0.9.0.a'")
    with pytest.raises(StudyError, match="optuna storage upgrade"):
        opened(storage=storage)
    with pytest.raises(StudyError, match="optuna storage upgrade"):
        open_study(tmp_path)


def test_a_relative_storage_is_found_from_anywhere(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    study = opened(storage="sqlite:///other.db", name="mine")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert open_study(Path("..")).token == study.token


@pytest.mark.parametrize(
    ("storage", "message"),
    [
        ("postgresql://user:secret@localhost/studies", "driver that is not installed"),
        ("redis://localhost:6379", "cannot be used"),
        ("journal.log", "is no URL of a database"),
        ("sqlite:////nowhere/at/all/study.db", "cannot be used"),
    ],
)
def test_a_storage_that_cannot_be_had_is_one_sentence(opened: Open, storage: str, message: str) -> None:
    with pytest.raises(StudyError, match=message) as caught:
        opened(storage=storage)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_belongs_to_one_search(tmp_path: Path) -> None:
    with exclusive(tmp_path), pytest.raises(StudyError, match="another search is running"):
        exclusive(tmp_path).__enter__()
    with exclusive(tmp_path):
        pass
    (tmp_path / "file").touch()
    with pytest.raises(StudyError, match="cannot be written"):
        exclusive(tmp_path / "file" / "folder").__enter__()


def test_a_folder_without_a_study_is_explained(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="not a search's folder"):
        open_study(tmp_path)
    (tmp_path / "study.json").write_text(json.dumps({})[:1])
    with pytest.raises(StudyError, match="damaged"):
        open_study(tmp_path)


def test_a_result_without_its_state_is_taken_up_again(opened: Open, fill: Fill) -> None:
    study = opened()
    study.add(Suggestion((Proposal(draw_points(study.space, 1)[0], "sobol"),)))
    result = {"state": "completed", "metrics": {"accuracy": 1.0, "latency": 2.0}, "seconds": 1.0}
    study._study._storage.set_trial_user_attr(study._ids[0], "result", result)
    (trial,) = opened().open()
    assert (trial.state, trial.values) == (TrialState.RUNNING, None)
