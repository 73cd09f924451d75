"""Why a runner ended: what it said itself, and what to do about it. Imports no torch."""

import re
import signal

from latency.errors import RunnerCrashError
from paretoparse.errors import LIMIT, one_line

# What a runtime says, and the remedy.
REMEDIES = [
    (
        r"version number does not match|model version must be between|file format version",
        "the runtime is of an older PyTorch than the one that exported the artifact: take a newer runtime, "
        "or export with the runtime's PyTorch",
    ),
    (
        r"Unknown builtin op|ops cannot be found|Could not find schema|Could not find any similar ops",
        "the runtime lacks an operator of this artifact: take the PyTorch that exported it, or export with "
        "the runtime's",
    ),
    (
        r"bad_alloc|can't allocate memory|not enough memory|SIGKILL",
        "it needs more memory than there is: measure a smaller model, or free some",
    ),
]
OTHERWISE = "try the artifact again, and export it anew if it goes on"

_TRACEBACK = "Traceback (most recent call last):\n"
# How a C++ program says which exception nobody caught, on Android and on Linux.
_UNCAUGHT = re.compile(
    r"terminating (?:with|due to) uncaught exception of type [\w:]+: |^\s*what\(\): +", re.MULTILINE
)
_WARNING = re.compile(r"\s*(\[W|W[0-9]{4} |\[?warning\b)", re.IGNORECASE)


def runner_crashed(code: int, said: str, where: str = "") -> RunnerCrashError:
    """The error for a runner that ended with an exit code other than 0.

    Args:
        code: its exit code; the negative of a signal's number where a signal killed it.
        said: what it wrote to standard error.
        where: follows "the runner ended", such as " on the phone".
    """
    ending = f"was killed by {_signal_name(-code)}" if code < 0 else f"ended with exit code {code}"
    found = reason(said)
    remedy = next(
        (text for pattern, text in REMEDIES if re.search(pattern, f"{ending} {found}", re.IGNORECASE)),
        OTHERWISE,
    )
    return RunnerCrashError(f"The runner {ending}{where} ({found}); {remedy}.")


def reason(said: str) -> str:
    """The message among what a program has written to standard error, as one line."""
    uncaught = _UNCAUGHT.search(said)
    if uncaught is not None:
        said = said[uncaught.end() :]
    elif _TRACEBACK in said:
        lines = said.rpartition(_TRACEBACK)[2].splitlines()
        start = next((number for number, line in enumerate(lines) if not line.startswith(" ")), 0)
        said = "\n".join(lines[start:])
    lines = said.splitlines()
    said = "\n".join([line for line in lines if not _WARNING.match(line)] or lines)
    text = one_line(said) or "no message"
    return text if len(text) <= LIMIT else f"{text[: LIMIT - 1].rstrip()}…"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
