"""A process that has imported torch once and forks a fresh runner for every request.

It reads one JSON array of runner arguments a line on stdin, with the files for the stream and for stderr in
front: `["/run/out", "/run/err", "MODEL", "INPUTS", "--first=0", ...]`, and answers with the runner's exit
code as a line. It ends with its stdin.
"""

import json
import os
import sys
import traceback

from latency.runner import python


def main() -> None:
    """Serve requests until stdin ends."""
    for line in sys.stdin:
        out, err, *arguments = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(out, err, arguments)
        _, status = os.waitpid(child, 0)
        try:
            print(os.waitstatus_to_exitcode(status), flush=True)
        except BrokenPipeError:
            # Whoever asked has died. What is left in the buffer would fail once more at the interpreter's
            # end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return


def _run(out: str, err: str, arguments: list[str]) -> None:
    code = 1
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(err, flags, 0o600), 2)
        python.main(arguments, os.open(out, flags, 0o600))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        # The forked child must not run the server's exit handlers or go on reading its stdin.
        os._exit(code)


if __name__ == "__main__":
    main()
