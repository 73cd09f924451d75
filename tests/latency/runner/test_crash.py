import pytest

from latency.errors import RunnerCrashError
from latency.runner.crash import OTHERWISE, reason, runner_crashed

VERSION = (
    "Lite Interpreter version number does not match. The model version must be between 3 and 7 but it is 8"
)
STACK = (
    "Exception raised from parse at ../import.cpp:317 (most recent call first):\n(no backtrace available)\n"
)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        # Android's libc++ and Linux's libstdc++.
        (
            f"terminating with uncaught exception of type c10::Error: {VERSION} ()\n{STACK}Aborted\n",
            f"{VERSION} ()",
        ),
        (
            f"terminate called after throwing an instance of 'c10::Error'\n  what():  {VERSION}\n{STACK}",
            VERSION,
        ),
        # The Python runner, whose message begins below the type and quotes code.
        (
            'Traceback (most recent call last):\n  File "x.py", line 3, in f\n    call()\nRuntimeError: \n'
            "Unknown builtin op: aten::new.\nThe original call is:\n"
            '  File "code/__torch__.py", line 9\n    x = torch.new(y)\n        ~~~~~~~~~ <--- HERE\n',
            "RuntimeError: Unknown builtin op: aten::new.",
        ),
        ("WARNING: linker: unused DT entry\n[W1 x.cpp:1] slow\nno such file\n", "no such file"),
        ('CANNOT LINK EXECUTABLE "./x": library "libz.so.1" not found\n', None),
        ("Warning: only this\n", "Warning: only this"),
        ("", "no message"),
    ],
)
def test_the_message_is_found_among_what_was_said(said: str, told: str | None) -> None:
    assert reason(said) == (said.strip() if told is None else told)


@pytest.mark.parametrize(
    ("code", "said", "parts"),
    [
        (
            -6,
            f"terminating with uncaught exception of type c10::Error: {VERSION}",
            ["SIGABRT", "newer runtime"],
        ),
        (1, "Unknown builtin op: aten::new.", ["exit code 1", "aten::new", "lacks an operator"]),
        (1, "Following ops cannot be found: [aten::new, ].", ["aten::new", "lacks an operator"]),
        (-9, "", ["SIGKILL", "no message", "more memory"]),
        (-99, "", ["signal 99", OTHERWISE]),
        (3, "x" * 1000, ["exit code 3", "x…", OTHERWISE]),
    ],
)
def test_the_error_names_the_end_the_message_and_the_remedy(code: int, said: str, parts: list[str]) -> None:
    error = runner_crashed(code, said, " on the phone")
    assert isinstance(error, RunnerCrashError)
    assert len(str(error).splitlines()) == 1
    assert "on the phone" in str(error)
    for part in parts:
        assert part in str(error)
