"""What the entry points that read a study share: `--help`, and errors as one line."""

import sys
from collections.abc import Callable, Sequence

from nas.errors import NasError


def run(main: Callable[[Sequence[str]], None], documentation: str | None) -> None:
    """Run `main` on the command line's arguments; end with exit code 1 and one line on stderr if it cannot.

    Args:
        main: takes the arguments.
        documentation: what `--help` prints.
    """
    arguments = sys.argv[1:]
    if {"-h", "--help"} & set(arguments):
        print((documentation or "").strip())
        return
    try:
        main(arguments)
    except NasError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
