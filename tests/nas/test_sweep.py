"""Whole searches of the toy app, in processes of their own, as users run them."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nas.study.store import open_study
from tests.fresh_interpreter import run_fresh
from tests.nas.toy_app import JOBLIB, SOBOL_ONLY, Toy


@pytest.mark.slow
def test_a_search_spends_its_budget_and_leaves_its_files(toy: Toy) -> None:
    done = toy.run(*JOBLIB)
    assert done.returncode == 0, done.stderr
    rows = toy.rows()
    assert [row["number"] for row in rows] == [str(n) for n in range(12)]
    assert [row["origin"] for row in rows] == ["reference"] + ["sobol"] * 5 + ["adaptive"] * 6
    assert [row["batch"] for row in rows] == list("000000111222")
    assert {row["state"] for row in rows} == {"completed"}
    assert sorted(toy.runs()) == list(range(12))
    points = [tuple(row[name] for name in ("x", "layers", "width", "act", "heads")) for row in rows]
    assert points[0] == ("0.3", "5", "96", "relu", "4")
    assert len(set(points)) == 12
    for number, row in enumerate(rows):
        overrides = (toy.folder / str(number) / ".hydra" / "overrides.yaml").read_text()
        assert all(
            f"- {name}={row[name]}\n" in overrides for name in ("x", "layers", "width", "act", "heads")
        )
        assert float(row["latency_ms_low"]) == pytest.approx(float(row["latency_ms"]) - 0.1)
    metrics = toy.metrics()
    assert (metrics["trials_completed"], metrics["trials_failed"]) == (12, 0)
    better = [
        float(row["accuracy"]) > float(rows[0]["accuracy"])
        and float(row["latency_ms"]) < float(rows[0]["latency_ms"])
        for row in rows
    ]
    assert metrics["trials_better_than_reference"] == sum(better)
    assert (metrics["hypervolume"] > 0) == any(better)
    assert 0 < metrics["bo_seconds"] < metrics["seconds"]
    for name in ("objectives", "hypervolume"):
        assert (toy.folder / "figures" / f"{name}.png").stat().st_size > 10_000
    assert (toy.folder / "multirun.yaml").exists()
    assert "Pareto front" in done.stdout

    # The same command again has nothing to do; a larger budget goes on.
    assert toy.run(*JOBLIB).returncode == 0
    assert toy.run(*JOBLIB, "hydra.sweeper.budget=14").returncode == 0
    assert sorted(toy.runs()) == list(range(14))


@pytest.mark.parametrize("how", ["chdir", "tuple", "extras"])
def test_tasks_of_all_kinds_complete(toy: Toy, how: str) -> None:
    done = toy.run(*SOBOL_ONLY, f"fail={how}")
    assert done.returncode == 0, done.stderr
    assert toy.states() == ["completed"] * 6
    assert toy.metrics()["trials_completed"] == 6


def test_a_task_may_use_a_pool_in_a_worker_of_joblib(toy: Toy) -> None:
    # A script's function, which a worker's own `__main__` does not have.
    assert toy.run_process(*SOBOL_ONLY, *JOBLIB, "fail=pool").returncode == 0
    assert toy.states() == ["completed"] * 6


def test_an_edited_configuration_is_not_mixed_in_silence(toy: Toy, tmp_path: Path) -> None:
    assert toy.run(*SOBOL_ONLY).returncode == 0
    edited = toy.run("hydra.sweeper.budget=8", "pause=0.001")
    assert edited.returncode == 1
    assert "configuration: pause: was 0.0, is 0.001" in edited.stderr
    other = toy.run("hydra.sweeper.budget=8", "+hydra.sweeper.strategy.name=other")
    assert other.returncode == 1
    assert "strategy: name: was null" in other.stderr
    assert len(toy.rows()) == 6


def test_three_objectives_and_a_constraint_from_end_to_end(toy: Toy) -> None:
    done = toy.run(
        "+hydra.sweeper.objectives.latency_ms_low=minimize",
        "hydra.sweeper.constraints=['latency_ms <= 1.2 * reference']",
        "+hydra.sweeper.strategy.surrogate._target_=nas.surrogate.gp.GpSurrogate",
        "hydra.sweeper.budget=9",
    )
    assert done.returncode == 0, done.stderr
    rows = toy.rows()
    assert [row["state"] for row in rows] == ["completed"] * 9
    limit = 1.2 * float(rows[0]["latency_ms"])
    assert all(float(row["latency_ms"]) <= limit for row in toy.rows("pareto"))
    assert (toy.folder / "figures" / "objectives.png").stat().st_size > 10_000


@pytest.mark.slow
def test_finds_are_confirmed_with_new_seeds_whatever_happens(toy: Toy) -> None:
    confirm = (*SOBOL_ONLY, "hydra.sweeper.confirm=2", "+hydra.sweeper.measure._target_=measure.FileMeasure")
    refused = toy.run(*confirm, "hydra.sweeper.seed_key=model.seed")
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: the task's configuration has no key 'model.seed'")
    assert refused.stderr.count("\n") == 1
    assert not toy.folder.exists()

    # The search's own process ends while a repetition runs; later one of them fails.
    assert toy.run_process(*confirm, "fail=os-exit", "when=8").returncode == 0
    assert toy.runs() == list(range(9))
    arguments = (*confirm, "fail=raise", "when=8", "hydra.sweeper.accept_changes=true")
    done = toy.run(*arguments)
    assert done.returncode == 0, done.stderr
    assert toy.runs() == [*range(9), *range(8, 12)]
    rows = toy.rows()
    assert len(rows) == 6
    assert toy.metrics()["trials_failed"] == 0
    study = open_study(toy.folder)
    repeated = study.repetitions
    assert [one.number for one in repeated] == list(range(6, 12))
    assert [one.state for one in repeated] == ["completed"] * 2 + ["failed"] + ["completed"] * 3
    seeds = [
        (toy.folder / str(n) / ".hydra" / "overrides.yaml").read_text().split("seed=")[1]
        for n in range(6, 12)
    ]
    assert len(set(seeds)) == 6
    again = [row for row in rows if row["confirmed_runs"]]
    assert [row["confirmed_runs"] for row in again].count("2") == 2
    assert again[0]["origin"] == "reference"
    assert "1 of 6 repetitions failed (trial" in done.stdout
    assert "Confirmed by new runs" in done.stdout
    assert toy.run(*arguments).returncode == 0
    assert len(toy.runs()) == 13


@pytest.mark.slow
def test_a_search_goes_on_from_its_study_alone(toy: Toy, tmp_path: Path) -> None:
    # By way of a symbolic link: jobs are told one path, the study's own is another.
    place = tmp_path / "place"
    place.mkdir()
    toy.folder.symlink_to(place)
    arguments = (
        "fail=file",
        "+hydra.sweeper.measure._target_=measure.BesideControl",
        "~hydra.sweeper.objectives.latency_ms",
        "+hydra.sweeper.objectives.measured_ms=minimize",
    )
    assert toy.run(*arguments, "hydra.sweeper.budget=6").returncode == 0
    # Another place, to which nothing but the study has come.
    study = (toy.folder / "study.db").read_bytes()
    assert str(tmp_path).encode() not in study
    shutil.rmtree(place)
    place.mkdir()
    (toy.folder / "study.db").write_bytes(study)
    done = toy.run(*arguments, "hydra.sweeper.budget=8")
    assert done.returncode == 0, done.stderr
    assert "The files of trial 0, reference, are gone" in done.stdout + done.stderr
    assert sorted(toy.runs()) == [0, 6, 7]
    assert toy.states() == ["completed"] * 8
    assert [row["folder"] for row in toy.rows()] == [str(number) for number in range(8)]
    # With the files back, nothing is trained twice.
    assert toy.run(*arguments, "hydra.sweeper.budget=9").returncode == 0
    assert sorted(toy.runs()) == [0, 6, 7, 8]


def test_an_objective_of_another_configuration_is_taken_away_by_null(toy: Toy) -> None:
    done = toy.run(*SOBOL_ONLY, "hydra.sweeper.objectives.latency_ms=null")
    assert done.returncode == 0, done.stderr
    assert open_study(toy.folder).goals.names == ("accuracy",)


def test_what_every_trial_needs_is_made_before_the_first(toy: Toy) -> None:
    done = toy.run("+hydra.sweeper.check._target_=pathlib.Path.read_text", "+hydra.sweeper.check.self=/gone")
    assert done.returncode == 1
    assert done.stderr.startswith("error: no trial can run: ")
    assert done.stderr.count("\n") == 1
    assert not toy.folder.exists()
    needs = "+hydra.sweeper.check._target_=os.getcwd"
    assert toy.run(needs, *SOBOL_ONLY).returncode == 0


def test_a_second_search_in_the_folder_refuses(toy: Toy) -> None:
    # Far longer than the second one takes to start on a busy machine; the interrupt ends it early.
    first = toy.start(*SOBOL_ONLY, "pause=100")
    while not toy.runs():
        time.sleep(0.05)
        assert first.poll() is None
    second = toy.run_process(*SOBOL_ONLY)
    assert second.returncode == 1
    assert second.stderr.startswith("error: another search is running in")
    assert second.stderr.count("\n") == 1
    first.send_signal(signal.SIGINT)
    assert first.wait(timeout=30) == 130
    output = (toy.folder.parent / "output").read_text()
    assert f"to go on, repeat the command with hydra.sweep.dir={toy.folder}" in output


def test_fixed_and_re_ranged_parameters(toy: Toy) -> None:
    arguments = (*SOBOL_ONLY, "layers=2", "width=interval(40,100)", "pause=0.01")
    done = toy.run(*arguments)
    assert done.returncode == 0, done.stderr
    reference, *others = toy.rows()
    assert (reference["layers"], reference["width"]) == ("5", "96")
    assert {row["layers"] for row in others} == {"2"}
    assert {int(row["width"]) for row in others} <= {48, 64, 80, 96}
    job = (toy.folder / "1" / ".hydra" / "overrides.yaml").read_text()
    assert "- layers=2\n" in job
    assert "- pause=0.01\n" in job

    changed = toy.run(*SOBOL_ONLY, "layers=3", "width=interval(40,100)")
    assert changed.returncode == 1
    assert "space: layers: value: was 2, is 3" in changed.stderr
    assert len(toy.runs()) == 6


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("layers=9", "error: layers=9 is out of range: it must be an integer from 1 to 6;"),
        (
            "hydra.sweeper.confirm=-1",
            "error: confirm=-1 is out of range: it must be an integer of at least 0.",
        ),
        ("hydra.sweeper.budget=2", "error: budget=2 is out of range: it must be an integer of at least 6."),
        ("+hydra.sweeper.objectives.third=less", "error: objective third: 'less' is no direction"),
        ('hydra.sweeper.constraints=["size < 3"]', "error: the constraint 'size < 3' is not understood"),
        ("hydra.sweep.subdir=.", "error: trials 0 and 1 would both write to"),
        ("hydra.sweep.subdir=${act}", "put ${hydra.job.num} into hydra.sweep.subdir."),
        ("hydra.sweeper.strategy._target_=nas.nothing.Nothing", "hydra.sweeper.strategy cannot be made: "),
    ],
)
def test_bad_input_is_one_sentence(toy: Toy, argument: str, message: str) -> None:
    done = toy.run(argument)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_tables_and_figures_come_from_the_study_alone(toy: Toy, tmp_path: Path) -> None:
    assert toy.run(*SOBOL_ONLY).returncode == 0
    names = ("trials.csv", "pareto.csv", "metrics.json", "figures/objectives.png", "figures/hypervolume.png")
    before = {name: (toy.folder / name).read_bytes() for name in names}
    for name in names:
        (toy.folder / name).unlink()
    for module in ("report", "figures"):
        command = [sys.executable, "-m", f"nas.{module}", f"study={toy.folder}"]
        subprocess.run(command, env=toy.env, check=True, capture_output=True)
    assert {name: (toy.folder / name).read_bytes() for name in names} == before
    nothing = subprocess.run(
        [sys.executable, "-m", "nas.report", f"study={tmp_path}"], env=toy.env, capture_output=True, text=True
    )
    assert nothing.returncode == 1
    assert nothing.stderr.startswith("error: ")


def test_hydra_apps_do_not_pay_for_the_plugin() -> None:
    plugin = "import hydra_plugins.pareto_sweeper.sweeper"
    assert run_fresh(plugin, "torch", "optuna", "matplotlib") == ("", set())
