"""A command in the process of the tests, since importing torch anew for each would take minutes."""

import logging
from collections.abc import Callable

from hydra.core.global_hydra import GlobalHydra


def exit_code(run: Callable[[], object]) -> int:
    """Run a command's main as in a new process, and return the code it exits with."""
    GlobalHydra.instance().clear()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        run()
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        # Hydra's handlers hold files open, whose collection would fail some later test.
        for handler in root.handlers:
            if handler not in handlers:
                handler.close()
        root.handlers[:] = handlers
        root.setLevel(level)
    return 0
