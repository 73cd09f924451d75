import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nlu.frame import parse_frame
from tests.composing import ROOT


def run(
    module: str, *arguments: str | bytes, stdin: bytes = b"", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        input=stdin,
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONWARNINGS": "default", **(env or {})},
        timeout=120,
        check=False,
    )
    output, errors = done.stdout.decode(), done.stderr.decode()
    return subprocess.CompletedProcess(done.args, done.returncode, output, errors)


def test_a_frame_is_drawn_with_its_words(trained: Path) -> None:
    done = run("nlu.predict", f"parser={trained}", "text=wake me up at 7am, i'll be late", "count=2")
    assert done.returncode == 0, done.stderr
    probability, frame = done.stdout.splitlines()[0].split(" %  ")
    assert 0 <= float(probability) <= 100
    assert parse_frame(frame).tree() in done.stdout
    assert done.stdout.count(" %  ") == 2


def test_json_on_request(trained: Path) -> None:
    done = run("nlu.predict", f"parser={trained}", "text=wake me up at 7am", "json=true", "count=3")
    answer = json.loads(done.stdout)
    assert answer["words"] == ["wake", "me", "up", "at", "7", "am"]
    assert parse_frame(answer["frame"]).label.startswith("IN:")
    probabilities = [answer["probability"], *(other["probability"] for other in answer["others"])]
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) <= 1 + 1e-5


def test_lines_in_json_lines_out_and_a_bad_one_loses_nothing(trained: Path) -> None:
    lines = "\ufeffwake me up at 7am\n\nplay some jazz\n".encode() + b"snow in s\xe3o paulo\nthe end"
    done = run("nlu.predict", f"parser={trained}", "text=-", stdin=lines)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["text"] for answer in answers[:3]] == ["wake me up at 7am", "", "play some jazz"]
    assert "empty" in answers[1]["error"]
    assert answers[2]["words"] == ["play", "some", "jazz"]
    assert "byte 10 of the line is not UTF-8" in answers[3]["error"]
    assert answers[4]["words"] == ["the", "end"]
    assert done.returncode == 1
    assert done.stderr == "error: 2 lines could not be parsed; each says why in its place.\n"


def test_bytes_that_are_no_text_are_refused_in_one_sentence(trained: Path) -> None:
    done = run("nlu.predict", f"parser={trained}", b"text=rain in s\xe3o paulo")
    assert (done.returncode, done.stdout) == (1, "")
    assert "is not UTF-8" in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_output_without_a_letter_still_gets_the_answer(trained: Path) -> None:
    done = run("nlu.predict", f"parser={trained}", "text=são paulo", env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr


def test_a_reader_that_stops_is_no_traceback(trained: Path) -> None:
    command = f"yes x | {sys.executable} -m nlu.predict parser={trained} text=- | head -1"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, cwd=ROOT, timeout=120, check=False
    )
    assert json.loads(done.stdout)["words"] == ["x"]
    assert "Traceback" not in done.stderr


def test_a_parser_in_a_folder_of_digits_is_found(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "3").symlink_to(trained)
    (tmp_path / "1e3").symlink_to(trained)
    for name in ("3", "1e3"):
        done = subprocess.run(
            [sys.executable, "-m", "nlu.predict", f"parser={name}", "text=rain"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("module", "arguments", "message"),
    [
        ("nlu.predict", ["parser=nowhere", "text=hi"], "no parser at"),
        ("nlu.evaluate", ["parser=nowhere"], "no parser at"),
        ("nlu.predict", ["text=hi", "count=0"], "count=0"),
        ("nlu.evaluate", [], "parser is not given"),
        ("nlu.train", ["tokenizer.vocab_size=1e3"], "tokenizer.vocab_size=1000.0"),
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
