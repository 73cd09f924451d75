"""The screen."""

import os

from rich.console import Console

WIDTH = 200
"""Columns of what is written to a file or a pipe, unless the environment sets COLUMNS."""


def new_console(*, stderr: bool = False) -> Console:
    """A console that prints text as it is: no path or label is ever taken for markup or the name of an emoji.

    Args:
        stderr: Print to standard error.
    """
    console = Console(stderr=stderr, markup=False, emoji=False, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        # A file has no edge at which a table's columns would have to be cut.
        console.width = WIDTH
    return console
