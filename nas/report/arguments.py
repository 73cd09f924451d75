"""What the commands that read studies are told: the studies' folders."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from nas.errors import ReportError
from paretoparse.arguments import read_list


def study_folders(given: Mapping[str, str]) -> list[Path]:
    """The folders in `study=DIR` or `study=[DIR,DIR]`.

    Args:
        given: The command's arguments by key.

    Raises:
        ReportError: If there are none.
    """
    folders = [Path(name) for name in read_list(given.get("study", "")) if name]
    if not folders:
        raise ReportError("no study is given; write study=DIR, with the folder of a search.")
    return folders


def titles(folders: Sequence[Path]) -> list[str]:
    """A title for each of several folders: the shortest ends of their paths that tell them apart."""
    parts = [folder.resolve().parts for folder in folders]
    for length in range(1, max(map(len, parts)) + 1):
        ends = [str(Path(*one[-length:])) for one in parts]
        if len(set(ends)) == len(set(parts)):
            return ends
    raise AssertionError("whole paths differ")
