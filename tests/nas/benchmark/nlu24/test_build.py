import csv
import gzip
import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nas import open_study
from nas.benchmark.nlu24 import NLU24
from nas.benchmark.nlu24.build import build, main
from nas.benchmark.nlu24.collect import collect
from nas.benchmark.nlu24.data import OBJECTIVES, BenchmarkError, read_space_file
from nas.benchmark.nlu24.fit import fit, repeated_noise
from nas.benchmark.nlu24.surrogate import Surrogate
from nas.benchmark.nlu24.table import Run, from_text, pass_name, read_table, split_of, to_text
from nas.errors import NasError
from nas.space import CategoricalParameter, FloatParameter, Point, Space
from tests.nas.benchmark.nlu24.studies import (
    DIVERGED,
    NOISE,
    PASSES,
    SPACE,
    check_test_scores,
    make_study,
    true,
)


def test_the_table_has_every_ended_trial_with_where_it_came_from(studies: list[Path], data: Path) -> None:
    with gzip.open(data / "trials.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 80 + 10 + 80 + 10 + 48 + 4
    assert {row["origin"] for row in rows} == {"reference", "sobol", "tpe", "repetition"}
    failed = [row for row in rows if row["failure"]]
    assert failed
    assert {row["failure"] for row in failed} == {"FloatingPointError"}
    assert all(float(row["optim.lr"]) > 7e-3 and not row["exact_match"] for row in failed)
    opened = {folder.name: open_study(folder) for folder in studies}
    for row in rows:
        trial = opened[row["study"]][int(row["number"])]
        assert [json.loads(row[name]) for name in SPACE.names] == [trial.point[name] for name in SPACE.names]
        assert int(row["training_seed"]) == trial.point.get("seed", 1)
        if trial.values is not None:
            for name in ("exact_match", "latency_p99_ratio", "latency_p99_ratio_se", pass_name(1), "seconds"):
                assert float(row[name]) == pytest.approx(trial.metrics[name], rel=1e-6)


def test_first_trials_that_studies_share_are_told_once(studies: list[Path], tmp_path: Path) -> None:
    alone = collect(studies[:1]).runs
    shutil.copytree(studies[0], tmp_path / "another")
    both = collect([studies[0], tmp_path / "another"])
    assert both.runs == alone
    assert [study["runs"] for study in both.studies] == [len(alone), 0]


def test_nothing_of_the_data_names_a_machines_paths(data: Path) -> None:
    text = read_table(data) + (data / "benchmark.json").read_text() + (data / "quality.json").read_text()
    assert "/home/someone" not in text


def test_runs_with_a_collapsed_exact_match_are_marked_as_diverged(data: Path) -> None:
    runs = [run for run in NLU24(data=data).runs if run.failure is None]
    collapsed = [run.metrics["exact_match"] == 0.5 for run in runs]
    assert 0 < np.mean(collapsed) < 3 * DIVERGED
    assert [run.diverged for run in runs] == collapsed


def test_the_space_file_is_the_space(data: Path) -> None:
    assert read_space_file(data) == SPACE


def test_a_points_split_is_its_own_and_has_its_share() -> None:
    points = SPACE.decode(np.random.default_rng(0).random((4000, 24)))
    splits = [split_of(SPACE, point) for point in points]
    # Four standard errors of a share of 4000.
    for name, share in (("train", 0.8), ("valid", 0.1), ("test", 0.1)):
        assert splits.count(name) / 4000 == pytest.approx(share, abs=0.026)
    # A release keeps the splits of those before it.
    assert splits[:8] == ["train"] * 5 + ["test", "valid", "train"]
    as_floats = {name: float(value) for name, value in points[0].items()}  # type: ignore[arg-type]
    assert split_of(SPACE, dict(reversed(as_floats.items()))) == splits[0]


def test_a_table_comes_back_as_it_was_whatever_its_space(studies: list[Path]) -> None:
    runs = collect(studies).runs
    assert from_text(SPACE, to_text(SPACE, runs)) == runs
    space = Space((CategoricalParameter("kind", ("bpe", None, True, 1, "1")), FloatParameter("x", 0.0, 1.0)))
    points = space.decode(np.eye(6))
    some = [Run("s", "t", 0, number, "sobol", point, "train") for number, point in enumerate(points)]
    assert from_text(space, to_text(space, some)) == some


def test_the_noise_of_repeated_trainings_is_what_it_was_made_of(studies: list[Path]) -> None:
    found = repeated_noise(SPACE, collect(studies).runs)
    for name, deviation in NOISE.items():
        # Four standard errors of a standard deviation.
        assert found[name].freedom >= 12
        assert found[name].deviation == pytest.approx(deviation, rel=4 / math.sqrt(2 * found[name].freedom))


def test_a_trial_that_was_repeated_for_its_luck_says_nothing_of_the_noise() -> None:
    rng = np.random.default_rng(0)
    points = SPACE.decode(rng.random((300, 24)))
    deviation = 0.1

    def run(number: int, point: Point, origin: str, repeats: int | None = None) -> Run:
        exact_match = float(100 / (1 + np.exp(-1.0 - deviation * rng.standard_normal())))
        metrics = {"exact_match": exact_match, "latency_p99_ratio": 2.0, "seconds": 9.0}
        return Run("s", "sobol", 0, number, origin, point, "train", metrics, number, repeats)

    trials = [run(number, point, "sobol") for number, point in enumerate(points)]
    best = sorted(trials, key=lambda trial: trial.metrics["exact_match"])[-60:]
    again = [
        run(1000 + 2 * place + turn, trial.point, "repetition", trial.number)
        for place, trial in enumerate(best)
        for turn in range(2)
    ]
    found = repeated_noise(SPACE, trials + again)["exact_match"]
    assert found.freedom == 60
    # Three standard errors of a standard deviation.
    assert found.deviation == pytest.approx(deviation, rel=3 / math.sqrt(120))
    # The same points in another study were not chosen for what came of them.
    others = [
        replace(run(trial.number, trial.point, "sobol"), study="t", training_seed=-1) for trial in trials
    ]
    assert repeated_noise(SPACE, [*trials, *others])["exact_match"].freedom == 300
    assert repeated_noise(SPACE, [*trials, *again, *others])["exact_match"].freedom == 240 + 2 * 60


def test_the_same_seed_is_no_second_training(studies: list[Path]) -> None:
    read = collect(studies[:1])
    first = next(run for run in read.runs if run.origin == "reference")
    again = [
        replace(first, study=f"{number}", metrics={**first.metrics, "latency_p99_ratio": 3.0 + number})
        for number in range(20)
    ]
    more = replace(read, runs=read.runs + again)
    assert more.reference_point[0] == pytest.approx(read.reference_point[0])
    assert more.reference_point[1] > read.reference_point[1] + 1
    small, large = (fit(SPACE, one.runs, passes=PASSES, table="", version="") for one in (read, more))
    for part in ("inputs", "weights", "offset"):
        found = (getattr(one.models["exact_match"], part) for one in (small, large))
        assert np.array_equal(*found)
    assert len(large.models["latency_p99_ratio"].inputs) == len(small.models["latency_p99_ratio"].inputs) + 20


def test_nothing_that_is_released_depends_on_the_test_split(
    studies: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(studies[:2], tmp_path / "whole", "1")
    read = collect(studies[:2])
    bent = {"exact_match": 0.9, "latency_p99_ratio": 1.5, "latency_p99_ratio_se": 3.0, "seconds": 2.0}
    other = [
        replace(run, metrics={name: value * bent.get(name, 1.0) for name, value in run.metrics.items()})
        if run.split == "test"
        else run
        for run in read.runs
    ]
    assert other != read.runs
    monkeypatch.setattr("nas.benchmark.nlu24.build.collect", lambda _: replace(read, runs=other))
    build(studies[:2], tmp_path / "changed", "1")
    first, second = (Surrogate.read(tmp_path / name) for name in ("whole", "changed"))
    assert first.noise == second.noise
    assert first.latency_se == second.latency_se
    assert first.diverged.tolist() == second.diverged.tolist()
    for name, model in first.models.items():
        assert np.array_equal(model.weights, second.models[name].weights)


def test_the_surrogate_is_as_good_as_its_quality_says_and_no_worse_than_the_noise(data: Path) -> None:
    quality = json.loads((data / "quality.json").read_text())
    bench = NLU24(data=data)
    held = [run for run in bench.runs if run.split == "test" and run.succeeded]
    predicted = bench.predict([run.point for run in held])
    check_test_scores(bench, quality, least_r2=0.7)
    for name in OBJECTIVES:
        assert quality["leave_one_strategy_out"]["tpe"][name]["spearman"] > 0.5
    off = [np.log(run.metrics["latency_p99_ratio"]) for run in held] - np.log(predicted["latency_p99_ratio"])
    within = np.abs(off) <= 2 * bench.surrogate.noise["latency_p99_ratio"]
    assert quality["within_two_deviations"]["latency_p99_ratio"] == pytest.approx(np.mean(within))
    # The surrogate's own front neither is one point nor leaves what can be far behind.
    searched = quality["fronts"]["surrogate_searched"]
    assert searched["points"] >= quality["fronts"]["table"]["points"] > 1
    assert searched["best_exact_match"] < 94
    assert searched["best_latency_p99_ratio"] > 0.055
    # What it says of points that nobody trained is the truth, not the table's noise.
    points = SPACE.decode(np.random.default_rng(1).random((200, 24)))
    truth = np.array([true(point)["latency_p99_ratio"] for point in points])
    assert np.corrcoef(np.log(truth), np.log(bench.predict(points)["latency_p99_ratio"]))[0, 1] > 0.9


def test_failures_are_foretold_where_they_happen(data: Path) -> None:
    bench = NLU24(data=data)
    points = [bench.reference | {"optim.lr": rate} for rate in (1e-3, 9.9e-3)]
    low, high = bench.predict(points)["p_failed"]
    assert low < 0.2 < 0.5 < high


def test_the_same_studies_make_the_same_data(studies: list[Path], data: Path, tmp_path: Path) -> None:
    build(studies[:2], tmp_path / "a", "1")
    build(studies[:2], tmp_path / "b", "1")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    first, second = (NLU24(data=tmp_path / name) for name in "ab")
    assert first(first.reference, seed=3) == second(second.reference, seed=3)
    # A point keeps its split, whatever else is in the table.
    splits = {SPACE.key(run.point): run.split for run in NLU24(data=data).runs}
    assert all(splits[SPACE.key(run.point)] == run.split for run in first.runs)


def test_studies_of_different_tasks_are_refused(studies: list[Path], tmp_path: Path) -> None:
    other = make_study(
        tmp_path / "other", budget=16, confirm=0, configuration={"data": {"domains": ["weather"]}}
    )
    with pytest.raises(BenchmarkError, match=r"other is not a study of the same benchmark.*domains"):
        collect([studies[0], other])
    with pytest.raises(BenchmarkError, match="given twice"):
        collect([other, other])
    with pytest.raises(BenchmarkError, match="fewer than 20 runs"):
        build([other], tmp_path / "data", "1")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["study=here", "output=there"], "version is not given"),
        (["study=here", "version=1"], "output is not given"),
        (["output=there", "version=1"], "no study is given"),
        (["study=here", "output=there", "version=1"], "is not a search's folder"),
    ],
)
def test_a_wrong_command_is_one_sentence(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NasError, match=said):
        main(arguments)
    assert not (tmp_path / "there").exists()


def test_passes_that_nobody_knows_are_not_made_up(tmp_path: Path) -> None:
    # Nothing was validated after the first pass, or after the second.
    lost = {0: 2, 1: 1}
    folder = make_study(
        tmp_path / "one", budget=24, confirm=0, knows=lambda number, passes: passes != lost[number % 2]
    )
    collected = collect([folder])
    assert not collected.by_pass
    assert {run.metrics.get(pass_name(1)) for run in collected.runs[1::2]} == {None}
    assert {run.metrics.get(pass_name(2)) for run in collected.runs[::2]} == {None}
    assert all(
        run.metrics[pass_name(PASSES)] == run.metrics["exact_match"]
        for run in collected.runs
        if run.failure is None
    )


def test_a_run_that_stopped_early_keeps_its_exact_match(tmp_path: Path) -> None:
    folder = make_study(
        tmp_path / "one", budget=24, confirm=0, knows=lambda number, passes: number > 0 or passes <= 2
    )
    collected = collect([folder])
    run = collected.runs[0]
    assert collected.by_pass
    assert run.metrics[pass_name(2)] < run.metrics[pass_name(3)] == run.metrics[pass_name(4)]
    assert run.metrics[pass_name(4)] == run.metrics["exact_match"]


def test_a_setting_that_came_later_and_is_off_makes_no_other_task(
    studies: list[Path], tmp_path: Path
) -> None:
    for name, value, refused in (("off", 0, False), ("null", None, False), ("on", 2, True)):
        configuration = {"optim": {"later": value}}
        other = make_study(tmp_path / name, budget=16, confirm=0, configuration=configuration)
        for pair in ([studies[0], other], [other, studies[0]]):
            if refused:
                with pytest.raises(BenchmarkError, match=r"configuration: .*later.*2"):
                    collect(pair)
            else:
                assert len(collect(pair).studies) == 2


def test_a_setting_that_both_have_is_never_overlooked(tmp_path: Path) -> None:
    pair = [
        make_study(tmp_path / name, budget=16, confirm=0, configuration={"optim": {"known": value}})
        for name, value in (("zero", 0), ("null", None))
    ]
    for folders in (pair, pair[::-1]):
        with pytest.raises(BenchmarkError, match=r"configuration: optim: known: .*0"):
            collect(folders)
