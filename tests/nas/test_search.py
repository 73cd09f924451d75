"""The main job, whole: six real trials on the embedded data, killed in between and gone on with."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.composing import ROOT

SMALL = [
    "search.budget=6",
    "search.initial=4",
    "search.batch_size=2",
    "search.confirm=1",
    "data.load.sizes={train: 300, eval: 100, test: 50}",
    "trainer.max_epochs=1",
    "protocol.blocks=1",
    "model.embed_dim=interval(48, 64)",
    "model.encoder.num_layers=1",
    "model.decoder.num_layers=int(interval(1, 2))",
]


def command(folder: Path, cache: Path, *overrides: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "nas.search",
        f"search.dir={folder}",
        f"paths.cache={cache}",
        *SMALL,
        *overrides,
    ]


def search(folder: Path, cache: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(folder, cache, *overrides), cwd=ROOT, capture_output=True, text=True, timeout=400, check=False
    )


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "trials.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_a_search_killed_in_mid_batch_goes_on_and_leaves_what_it_promises(
    tmp_path: Path, cache: Path
) -> None:
    folder = tmp_path / "search"
    killed = subprocess.Popen(
        command(folder, cache),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 240
    while not list(folder.glob("outcomes/*.json")) and time.monotonic() < deadline:
        time.sleep(0.2)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    done_before = {path: path.stat().st_mtime_ns for path in folder.glob("outcomes/*.json")}
    assert 1 <= len(done_before) < 4

    done = search(folder, cache)
    assert done.returncode == 0, done.stderr
    trials = rows(folder)
    assert [trial["number"] for trial in trials] == [str(number) for number in range(6)]
    assert {trial["state"] for trial in trials} == {"completed"}
    assert [trial["origin"] for trial in trials] == ["reference", *["sobol"] * 3, *["adaptive"] * 2]
    assert all(path.stat().st_mtime_ns == before for path, before in done_before.items())

    assert trials[0]["model.embed_dim"] == "96"
    for trial in trials[1:]:
        assert trial["model.embed_dim"] in ("48", "64")
        assert trial["model.encoder.num_layers"] == "1"
    for trial in trials:
        assert float(trial["latency_p99_ms_low"]) <= float(trial["latency_p99_ms"])
        assert 0 <= float(trial["exact_match"]) <= 100

    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["trials_completed"] == 6
    assert metrics["trials_failed"] == 0
    assert metrics["bo_seconds"] > 0
    assert {"hypervolume", "trials_better_than_reference", "seconds"} <= set(metrics)
    for name in ("study.db", "pareto.csv", "figures/objectives.png", "figures/hypervolume.png"):
        assert (folder / name).stat().st_size > 0

    confirmed = [trial for trial in trials if trial["confirmed_runs"]]
    assert [trial["confirmed_runs"] for trial in confirmed] == ["2", "2"]
    assert confirmed[0]["origin"] == "reference"
    assert 0 <= float(confirmed[1]["confirmed_p_beats_reference"]) <= 1

    again = search(folder, cache)
    assert again.returncode == 0, again.stderr
    assert rows(folder) == trials


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model.encoder.num_layers=9"], "model.encoder.num_layers"),
        (["optim.lr=5"], "optim.lr"),
        (["protocol.runs=100"], "protocol.runs=100"),
        (["search.budget=0"], "budget"),
    ],
)
def test_bad_input_ends_in_one_sentence(
    tmp_path: Path, cache: Path, overrides: list[str], message: str
) -> None:
    done = search(tmp_path, cache, *overrides)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("trials/*"))
