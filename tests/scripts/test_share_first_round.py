"""Studies that share their first round."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nas.errors import StudyError
from nas.study import Proposal, Suggestion
from nas.study.store import open_study
from tests.nas.conftest import draw_points
from tests.nas.toy_app import Toy
from tests.scripts.studies import go_on

SETTINGS = ("hydra.sweeper.initial=5", "hydra.sweeper.batch_size=3", "hydra.sweeper.confirm=1")


@pytest.fixture
def share(on_path: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, Path], None]:
    script = importlib.import_module("share_first_round")

    def call(folder: Path, target: Path) -> None:
        monkeypatch.setattr(sys, "argv", ["share_first_round.py", str(folder), str(target)])
        script.main()

    return call


def test_another_strategy_goes_on_from_the_first_round_alone(
    toy: Toy, share: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    assert toy.run("hydra.sweeper.budget=8", *SETTINGS).returncode == 0
    before = open_study(toy.folder)
    assert (len(before), len(before.repetitions)) == (8, 4)
    share(toy.folder, target := tmp_path / "another")
    shared = open_study(target)
    assert [(one.point, one.values) for one in shared.history.trials] == [
        (one.point, one.values) for one in before.history.trials[:5]
    ]
    assert (shared.rounds, shared.repetitions, shared.token == before.token) == (1, [], False)
    assert shared.times == {number: before.times[number] for number in range(5)}
    with pytest.raises(StudyError, match="name a folder that holds no search"):
        share(toy.folder, target)
    old, toy.folder = toy.folder, target
    overrides = ("hydra.sweeper.budget=8", "+hydra.sweeper.strategy.name=other", *SETTINGS)
    assert toy.run(*overrides).returncode != 0
    done = toy.run(*overrides, "hydra.sweeper.accept_changes=true")
    assert done.returncode == 0, done.stdout + done.stderr
    after = open_study(target)
    assert [one.origin for one in after.history.trials] == ["reference"] + ["sobol"] * 4 + ["other"] * 3
    assert open_study(old).history.trials == before.history.trials


def test_an_unfinished_first_round_is_refused(share: Callable[[Path, Path], None], tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="is not a search's folder"):
        share(tmp_path, tmp_path / "another")
    running = tmp_path / "running"
    running.mkdir()
    study = go_on(running)
    study.add(Suggestion(tuple(Proposal(point, "sobol") for point in draw_points(study.space, 3))))
    with pytest.raises(StudyError, match="is not over; wait"):
        share(running, tmp_path / "another")
    assert not (tmp_path / "another").exists()
