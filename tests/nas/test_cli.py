import subprocess
import sys
from pathlib import Path

import pytest

from tests.composing import ROOT


@pytest.mark.parametrize("module", ["nas.report", "nas.figures"])
def test_help_and_errors_of_what_reads_a_study(module: str, tmp_path: Path) -> None:
    def run(argument: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", module, argument]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    asked = run("--help")
    assert asked.returncode == 0
    assert f"python -m {module} study=DIR" in asked.stdout
    refused = run(f"study={tmp_path}")
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: ")
    assert refused.stderr.count("\n") == 1
