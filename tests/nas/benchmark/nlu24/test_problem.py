import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import optuna
import pytest

from nas import Plan, optimise
from nas.benchmark.nlu24 import NLU24, TrialFailedError
from nas.benchmark.nlu24.data import BenchmarkError, digest
from nas.benchmark.nlu24.quality import outcomes
from nas.benchmark.nlu24.surrogate import DIVERGED, FAILED, MODELS, Model, Surrogate
from nas.benchmark.nlu24.table import Run, read_table
from nas.space import Space
from nas.space.optuna import distributions, to_point
from nas.strategy.sobol import SobolStrategy
from tests.composing import ROOT
from tests.fresh_interpreter import run_fresh
from tests.nas.benchmark.nlu24.studies import NOISE, PASSES, SPACE

# Runs where nothing but NumPy and this package can be imported.
ALONE = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {"numpy", "nas", "paretoparse", *sys.stdlib_module_names}:
            raise ImportError(f"{name} is not installed")

sys.meta_path.insert(0, Blocked())
from nas.benchmark.nlu24 import NLU24

bench = NLU24(data=DATA)
points = [bench.sample(seed) for seed in range(50)]
assert len(bench.predict(points)["exact_match"]) == len(points)
bench(bench.reference, seed=7)
table = NLU24("table", data=DATA, noisy=False)
table(table.reference)
"""


def test_it_runs_with_numpy_alone(data: Path) -> None:
    code = f"DATA = {str(data)!r}\n{ALONE}"
    assert run_fresh(code, "torch", "scipy", "hydra", "optuna") == ("", set())


def test_what_a_point_costs_is_bounded_by_the_runs(data: Path) -> None:
    bench = NLU24(data=data)
    # Rows whose distance and exponential a point takes, of each model.
    rows = [len(model.inputs) for model in bench.surrogate.models.values()]
    assert len(rows) == 5
    assert max(rows) <= len([run for run in bench.runs if run.split != "test"])
    # Divergence is a matter of chance here, so its share is all there is to say.
    assert rows[-1] == 1


def test_without_data_it_says_where_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas.benchmark.nlu24.problem.DATA", tmp_path)
    monkeypatch.setattr("nas.benchmark.nlu24.data.DATA", tmp_path)
    with pytest.raises(BenchmarkError, match=r"benchmark\.json is not installed; install the package anew"):
        NLU24()
    with pytest.raises(BenchmarkError, match="give data="):
        NLU24(data=tmp_path / "elsewhere")


def test_a_seed_is_a_training_and_many_are_its_noise(data: Path) -> None:
    bench, calm = NLU24(data=data), NLU24(data=data, noisy=False)
    assert bench(bench.reference, seed=3) == bench(bench.reference, seed=3)
    results = []
    for seed in range(400):
        found = bench(bench.reference, seed=seed)
        if not found["diverged"]:
            results.append([found[name] for name in NOISE])
    expected = calm(bench.reference)
    assert expected == calm(bench.reference, seed=5)
    mean, deviation = (
        np.log(np.array(results, dtype=float)).mean(0),
        np.log(np.array(results, dtype=float)).std(0),
    )
    released = bench.surrogate.noise
    for index, name in enumerate(NOISE):
        noise = released[name]
        if name == "exact_match":
            noise *= 1 - float(expected[name]) / 100  # type: ignore[arg-type]
        # Four standard errors of a mean and of a standard deviation.
        assert mean[index] == pytest.approx(np.log(float(expected[name])), abs=4 * noise / 20)  # type: ignore[arg-type]
        assert deviation[index] == pytest.approx(noise, rel=4 / np.sqrt(800))


def test_failures_and_divergence_have_their_probabilities(data: Path) -> None:
    bench = NLU24(data=data)
    point = bench.reference | {"optim.lr": 7.5e-3}
    p_failed = bench.predict([point])["p_failed"][0]
    p_diverged = bench.predict([point])["p_diverged"][0]
    failed = diverged = 0
    for seed in range(400):
        try:
            diverged += bool(bench(point, seed=seed)["diverged"])
        except TrialFailedError:
            failed += 1
    assert failed / 400 == pytest.approx(p_failed, abs=0.1)
    assert diverged / 400 == pytest.approx(p_diverged, abs=0.1)
    assert NLU24(data=data, noisy=False)(point)["diverged"] is False


def test_failing_goes_before_diverging() -> None:
    """Of two trainings one fails, and of those that do not every other one diverges: a quarter of all."""

    def constant(value: float) -> Model:
        return Model(np.full((1, 24), 0.5), np.ones(24), np.zeros((1, 1)), np.array([value]))

    models = {name: constant(0.5 if name in (FAILED, DIVERGED) else 0.0) for name in MODELS}
    surrogate = Surrogate(models, dict.fromkeys(MODELS, 0.1), 0.01, np.zeros(1), "", "0")
    points = SPACE.decode(np.random.default_rng(0).random((3, 24)))
    found = surrogate.predict(SPACE.encode(points))
    assert found["p_failed"].tolist() == [0.5] * 3
    assert found["p_diverged"].tolist() == [0.25] * 3
    well = [Run("s", "t", 0, number, "sobol", point, "test") for number, point in enumerate(points)]
    told = outcomes(SPACE, surrogate, well)
    for name, share in ((FAILED, 0.5), (DIVERGED, 0.25)):
        assert told[name] == {"share": 0.0, "brier": share**2, "brier_of_share": share**2}


def test_many_points_at_once_are_what_each_is_by_itself(data: Path) -> None:
    bench = NLU24(data=data, noisy=False)
    points = [bench.sample(seed) for seed in range(40)]
    together = bench.predict(points)
    for index, point in enumerate(points):
        alone = bench(point)
        for name in NOISE:
            assert together[name][index] == pytest.approx(alone[name])
        assert bench.true(point) == pytest.approx({name: alone[name] for name in bench.goals.names})


def test_no_points_are_no_predictions(data: Path) -> None:
    found = NLU24(data=data).predict([])
    assert {values.shape for values in found.values()} == {(0,)}


def test_numpys_integers_are_seeds_and_passes_and_others_are_refused(data: Path) -> None:
    bench = NLU24(data=data)
    for seed in (7, 2**40, 2**62 - 1):
        assert bench(bench.reference, seed=np.int64(seed)) == bench(bench.reference, seed=seed)  # type: ignore[arg-type]
    assert bench(bench.reference, epochs=np.int64(2)) == bench(bench.reference, epochs=2)  # type: ignore[arg-type]
    wrong: object
    for wrong in (-1, 2**62, 1.5, None, "3", True):
        with pytest.raises(BenchmarkError, match=f"seed={wrong} is out of range"):
            bench(bench.reference, seed=wrong)  # type: ignore[arg-type]


def test_a_split_that_is_none_is_one_sentence(data: Path) -> None:
    with pytest.raises(BenchmarkError, match="split=vaild is unknown; use train, valid or test"):
        NLU24(data=data).points("vaild")


def test_fewer_passes_cost_less_and_learn_less(data: Path) -> None:
    for kind in ("surrogate", "table"):
        bench = NLU24(kind, data=data, noisy=False)  # type: ignore[arg-type]
        assert bench.epochs == PASSES
        found = [bench(bench.reference, epochs=k) for k in range(1, PASSES + 1)]
        assert [one["exact_match"] for one in found] == sorted(one["exact_match"] for one in found)  # type: ignore[type-var]
        full = found[-1]
        assert full == bench(bench.reference)
        for k, one in enumerate(found, start=1):
            assert one["seconds"] == pytest.approx(float(full["seconds"]) * k / PASSES)  # type: ignore[arg-type]
            assert one["latency_p99_ratio"] == full["latency_p99_ratio"]
            assert one["epochs"] == k
        for wrong in (0, PASSES + 1, 1.5, True):
            with pytest.raises(BenchmarkError, match="epochs="):
                bench(bench.reference, epochs=wrong)  # type: ignore[arg-type]


def test_the_table_gives_back_its_rows_and_nothing_else(data: Path) -> None:
    bench, mean = NLU24("table", data=data), NLU24("table", data=data, noisy=False)
    run = next(run for run in bench.runs if run.succeeded and run.origin == "sobol" and run.repeats is None)
    assert bench(run.point)["exact_match"] == run.metrics["exact_match"]
    assert bench(run.point)["latency_p99_ratio_se"] == run.metrics["latency_p99_ratio_se"]
    at_reference = [
        one.metrics["exact_match"] for one in bench.runs if SPACE.key(one.point) == SPACE.key(bench.reference)
    ]
    assert len(at_reference) > 3
    assert {bench(bench.reference, seed=seed)["exact_match"] for seed in range(100)} == set(at_reference)
    by_seed = {
        one.training_seed: one.metrics["exact_match"]
        for one in reversed(bench.runs)
        if SPACE.key(one.point) == SPACE.key(bench.reference)
    }
    assert mean(bench.reference)["exact_match"] == pytest.approx(np.mean(list(by_seed.values())))
    assert bench.reference_point[0] == pytest.approx(np.mean(list(by_seed.values())))
    failed = next(run for run in bench.runs if run.failure)
    with pytest.raises(TrialFailedError, match="FloatingPointError"):
        bench(failed.point)
    with pytest.raises(BenchmarkError, match="no such point"):
        bench(NLU24(data=data).sample(0))
    with pytest.raises(BenchmarkError, match="predicts nothing"):
        bench.predict([run.point])
    assert {len(bench.points(split)) > 0 for split in ("train", "valid", "test")} == {True}
    assert sum(len(bench.points(split)) for split in ("train", "valid", "test")) == len(bench.points())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"optim.lr": 0.5}, "optim.lr=0.5 is outside of NLU24: it must be a number from 0.0001 to 0.01"),
        ({"model.embed_dim": 50}, "model.embed_dim=50 is outside"),
        ({"model.length.beam": True}, "model.length.beam=True is outside"),
        ({"model.length.beam": np.True_}, "model.length.beam=True is outside"),
        ({"model.pointer.heads": "8"}, "model.pointer.heads=8 is outside"),
        ({"optim.momentum": 0.9}, "optim.momentum is no parameter of NLU24"),
        ({"optim.lr": None}, "optim.lr=None is outside"),
        (None, "the point has no tokenizer.vocab_size"),
    ],
)
def test_a_point_outside_of_the_space_is_one_sentence(
    data: Path, change: dict[str, object] | None, said: str
) -> None:
    for kind in ("surrogate", "table"):
        bench = NLU24(kind, data=data)  # type: ignore[arg-type]
        point = {} if change is None else bench.reference | change  # type: ignore[operator]
        with pytest.raises(BenchmarkError) as caught:
            bench(point)
        assert str(caught.value).startswith(said)


@pytest.mark.parametrize("name", ["benchmark.json", "space.json", "surrogate.npz", "trials.csv.gz"])
@pytest.mark.parametrize("fault", ["missing", "empty", "cut"])
def test_damaged_data_is_one_sentence(data: Path, tmp_path: Path, name: str, fault: str) -> None:
    folder = shutil.copytree(data, tmp_path / "data")
    content = (folder / name).read_bytes()
    (folder / name).unlink()
    if fault != "missing":
        (folder / name).write_bytes(b"" if fault == "empty" else content[: len(content) // 2])
    with pytest.raises(BenchmarkError, match=name.replace(".", r"\.")):
        _ = NLU24(data=folder).runs


@pytest.mark.parametrize("name", ["benchmark.json", "space.json"])
@pytest.mark.parametrize("text", ["5", "[1]", "null", '{"format": 1}', '{"format": 1, "x": {}}'])
def test_json_of_another_form_is_one_sentence(data: Path, tmp_path: Path, name: str, text: str) -> None:
    folder = shutil.copytree(data, tmp_path / "data")
    (folder / name).write_text(text)
    with pytest.raises(BenchmarkError, match=name.replace(".", r"\.")):
        NLU24(data=folder)


def test_a_surrogate_with_a_changed_byte_is_as_it_was_or_one_sentence(data: Path, tmp_path: Path) -> None:
    content = (data / "surrogate.npz").read_bytes()
    whole, refused = Surrogate.read(data), 0
    for place in np.random.default_rng(0).integers(len(content), size=200).tolist():
        changed = bytearray(content)
        changed[place] ^= 0xFF
        (tmp_path / "surrogate.npz").write_bytes(changed)
        try:
            found = Surrogate.read(tmp_path)
        except BenchmarkError:
            refused += 1
            continue
        assert all(
            np.array_equal(found.models[name].weights, whole.models[name].weights) for name in whole.models
        )
    assert refused > 100


def test_parts_of_two_versions_are_refused(data: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(data, tmp_path / "data")
    content = json.loads((folder / "benchmark.json").read_text())
    assert content["table"] == digest(read_table(data))
    (folder / "benchmark.json").write_text(json.dumps(content | {"table": digest(""), "version": "0.2"}))
    with pytest.raises(BenchmarkError, match=r"fitted to version 0\.1"):
        NLU24(data=folder)
    with pytest.raises(BenchmarkError, match=r"not that of version 0\.2"):
        _ = NLU24("table", data=folder).runs
    (folder / "benchmark.json").write_text(json.dumps(content | {"format": 2}))
    with pytest.raises(BenchmarkError, match="has format 2"):
        NLU24(data=folder)


def test_it_is_a_problem_like_any_other(data: Path) -> None:
    bench = NLU24(data=data)
    history = optimise(
        bench, SobolStrategy(), Plan(8, 8, max_failure_rate=1.0), reference_point=bench.reference_point
    )
    assert history.trials[0].point == bench.reference
    assert len(history.completed) + len(history.failed) == 8
    assert all(trial.metrics["epochs"] == PASSES for trial in history.completed)


def test_strategies_are_compared_on_it(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas.benchmark.nlu24.problem.DATA", data)
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    options = ["problems=[nlu24]", "side=tpe", "budget=24", "q=8", f"output={tmp_path}"]
    (tmp_path / "runs").mkdir()
    importlib.import_module("benchmark_bo").main(["part=optimise", *options])
    lines = (tmp_path / "runs" / "nlu24-tpe-0.csv").read_text().splitlines()
    volumes = [float(line.split(",")[4]) for line in lines[1:]]
    assert len(volumes) == 3
    assert volumes == sorted(volumes)


def test_optuna_samples_points_of_it(data: Path) -> None:
    bench = NLU24(data=data, noisy=False)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=optuna.samplers.RandomSampler(0))
    for _ in range(5):
        trial = study.ask(distributions(bench.space))
        found = bench(to_point(bench.space, trial.params))
        study.tell(trial, [found[name] for name in bench.goals.names])  # type: ignore[misc]
    assert len(study.best_trials) >= 1


def test_samples_are_points_of_the_space_or_of_the_table(data: Path) -> None:
    bench, table = NLU24(data=data), NLU24("table", data=data)
    space: Space = bench.space
    assert bench.sample(0) == bench.sample(0) != bench.sample(1)
    assert all(space.contains(bench.sample(seed)) for seed in range(20))
    known = {space.key(point) for point in table.points()}
    assert all(space.key(table.sample(seed)) in known for seed in range(20))


@pytest.mark.slow
def test_a_search_runs_over_it_without_training(data: Path, tmp_path: Path) -> None:
    command = [
        *(sys.executable, "-m", "nas.search", "task=nlu24", "space=nar_top", "strategy=sobol"),
        *(f"task.data={data}", f"search.dir={tmp_path / 'search'}", "search.budget=10", "search.confirm=1"),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    bench = NLU24(data=data)
    rows = (tmp_path / "search" / "trials.csv").read_text().splitlines()
    assert len(rows) == 11
    assert str(bench(bench.reference, seed=1)["exact_match"]) in rows[1]


@pytest.mark.slow
@pytest.mark.parametrize("needs", [("task=nlu24", "task.data={}"), ("data=topv2", "data.root={}")])
def test_without_its_data_a_search_does_not_begin(needs: tuple[str, str], tmp_path: Path) -> None:
    task, data = needs
    command = (*(sys.executable, "-m", "nas.search", task), data.format(tmp_path / "gone"))
    folder = tmp_path / "search"
    done = subprocess.run(
        [*command, f"search.dir={folder}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: no trial can run: ")
    assert done.stderr.count("\n") == 1
    assert not folder.exists()
