"""Every command of the packages: help, and nonsense."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tests.composing import ROOT
from tests.in_process import exit_code

# Programs that a command starts, not commands.
PROGRAMS = {"latency.runner.python", "latency.runner.server"}


def commands() -> list[str]:
    files = [file for package in ("nlu", "latency", "nas") for file in (ROOT / package).rglob("*.py")]
    guarded = [file for file in files if 'if __name__ == "__main__":' in file.read_text(encoding="utf-8")]
    names = {".".join(file.relative_to(ROOT).with_suffix("").parts) for file in guarded}
    return sorted({name.removesuffix(".__main__") for name in names} - PROGRAMS)


def execute(module: str, *arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run a command in this process."""
    monkeypatch.setattr(sys, "argv", [module, *arguments])
    # As in a new process; the module must not find its earlier self. Of a package it is `__main__` that runs.
    package = hasattr(sys.modules.get(module), "__path__")
    monkeypatch.delitem(sys.modules, f"{module}.__main__" if package else module, raising=False)
    return exit_code(lambda: runpy.run_module(module, run_name="__main__", alter_sys=False))


def test_the_commands_are_found() -> None:
    assert {"nlu.train", "latency.compare", "nas.search"} <= set(commands())


@pytest.mark.parametrize("module", commands())
def test_help_shows_what_a_command_does(
    module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(module, "--help", monkeypatch=monkeypatch) == 0
    shown = capsys.readouterr()
    assert f"python -m {module}" in shown.out
    assert shown.err == ""


@pytest.mark.parametrize("module", commands())
@pytest.mark.parametrize(
    "nonsense",
    ["nonsense=1", "--nonsense", "x=((", "data=nowhere", "data=null", "paths={}", "paths.outputs=null"],
)
def test_nonsense_is_refused_in_one_line(
    module: str,
    nonsense: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert execute(module, nonsense, monkeypatch=monkeypatch) == 1
    shown = capsys.readouterr()
    assert shown.err.startswith("error: ")
    assert shown.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def run(*command: str, shell: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    line = ["sh", "-c", f"{sys.executable} -m {' '.join(command)} {shell}"]
    environment = {**os.environ, **variables}
    return subprocess.run(
        line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("command", ["latency.bundle abi=z out=x", "latency.compare nowhere"])
def test_the_traceback_comes_back_when_it_is_asked_for(command: str, tmp_path: Path) -> None:
    arguments = [command, f"hydra.run.dir={tmp_path}"] if "bundle" in command else [command]
    told = run(*arguments)
    assert (told.returncode, told.stderr.count("\n")) == (1, 1)
    full = run(*arguments, HYDRA_FULL_ERROR="1")
    assert full.returncode == 1
    assert "Traceback" in full.stderr
    assert told.stderr.removeprefix("error: ").strip() in full.stderr


def test_a_reader_that_stops_ends_a_command_quietly() -> None:
    done = run("latency.bundle", "--cfg job", shell="| head -1")
    assert done.stdout == "abi: arm64-v8a\n"
    assert done.stderr == ""


@pytest.mark.parametrize("folder", ["/proc/run", "/dev/null/run"])
def test_an_impossible_run_folder_is_one_sentence(folder: str) -> None:
    done = run("latency.bundle", f"out=x hydra.run.dir={folder}")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: '{folder}' cannot be used: ")
    assert done.stderr.count("\n") == 1


def test_a_terminal_without_a_letter_shows_its_number(tmp_path: Path) -> None:
    done = run(f"nas.report study={tmp_path}/é", PYTHONIOENCODING="ascii")
    assert done.returncode == 1
    assert "\\xe9 is not a search's folder" in done.stderr
