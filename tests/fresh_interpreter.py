"""What some code loads: a fresh interpreter tells."""

import json
import subprocess
import sys

from tests.composing import ROOT

LOADED = "import json, sys; print(json.dumps([name.partition('.')[0] for name in sys.modules]))"


def run_fresh(code: str, *packages: str) -> tuple[str, set[str]]:
    """What the code prints, and which of these packages the interpreter has loaded in the end."""
    command = [sys.executable, "-c", f"{code}\n{LOADED}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    *printed, loaded = done.stdout.splitlines()
    return "\n".join(printed), set(packages) & set(json.loads(loaded))
