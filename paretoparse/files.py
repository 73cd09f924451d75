"""Files that readers see whole or not at all, and JSON that every reader accepts."""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file so that readers see all of it or what was there before."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file as `write_text` does; numbers that JSON does not have become null."""
    write_text(path, json.dumps(valid_json(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def valid_json(content: Any) -> Any:
    """The same content with null in the place of every number that is infinite or not a number."""
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if isinstance(content, Mapping):
        return {key: valid_json(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [valid_json(value) for value in content]
    return content


def relative(path: str, folder: Path) -> str:
    """A path as told from a folder, where it lies within it by whatever symbolic links; else as it is."""
    place, home = Path(path).resolve(), folder.resolve()
    return place.relative_to(home).as_posix() if place.is_relative_to(home) else path
