import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.composing import ROOT


def run(module: str, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONWARNINGS": "default"},
        timeout=120,
        check=False,
    )


def test_a_line_in_a_frame_out(trained: Path) -> None:
    done = run("nlu.predict", f"parser={trained}", "text=wake me up at 7am, i'll be late")
    assert done.returncode in (0, 1)
    assert done.stdout.startswith("[IN:") if done.returncode == 0 else done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def test_lines_in_json_lines_out_and_a_bad_one_loses_nothing(trained: Path) -> None:
    lines = "wake me up at 7am\n\nplay some jazz\n"
    done = run("nlu.predict", f"parser={trained}", "text=-", stdin=lines)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["text"] for answer in answers] == ["wake me up at 7am", "", "play some jazz"]
    assert "empty" in answers[1]["error"]
    assert answers[2]["words"] == ["play", "some", "jazz"]
    assert done.returncode == 1
    assert done.stderr.strip().startswith("error: 1 lines")


@pytest.mark.parametrize(
    ("module", "arguments", "message"),
    [
        ("nlu.predict", ["parser=nowhere", "text=hi"], "no parser at"),
        ("nlu.evaluate", ["parser=nowhere"], "no parser at"),
        ("nlu.predict", ["text=hi"], "parser is not given"),
        ("nlu.train", ["data=topv2"], "data.root is not given"),
        ("nlu.train", ["data=topv2", "data.root=nowhere"], "no data folder nowhere"),
        ("nlu.train", ["model.encoder.max_kernel=4"], "model.encoder.max_kernel=4"),
    ],
)
def test_bad_input_is_one_sentence_and_an_exit_code(
    module: str, arguments: list[str], message: str, tmp_path: Path
) -> None:
    folder = [] if module == "nlu.predict" else [f"hydra.run.dir={tmp_path}"]
    done = run(module, *arguments, *folder)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_evaluation_reports_what_training_did(trained: Path, cache: Path, tmp_path: Path) -> None:
    done = run(
        "nlu.evaluate",
        f"parser={trained}",
        f"paths.cache={cache}",
        "data.load.sizes={train: 1000, eval: 200, test: 100}",
        f"hydra.run.dir={tmp_path}",
    )
    assert done.returncode == 0, done.stderr
    reported = json.loads((tmp_path / "metrics.json").read_text())
    promised = json.loads((trained / "metrics.json").read_text())
    for name in ("exact_match", "exact_match_unseen", "span_exact_match", "length_accuracy"):
        assert reported[name] == pytest.approx(promised[name], rel=1e-5)
    assert "exact_match" in done.stdout
