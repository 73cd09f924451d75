"""The base of every expected error, and what is said of an error in one line."""

import re

LIMIT = 300


class ParetoParseError(Exception):
    """Base of every error that a user can cause and mend; its message says what was found and what to do.

    Attributes:
        exit_code: What a command that ends with this error exits with.
    """

    exit_code = 1


class UsageError(ParetoParseError):
    """A command was given arguments that it does not take."""


class FigureError(ParetoParseError):
    """A figure cannot be written."""


def describe_error(error: BaseException, limit: int = LIMIT) -> str:
    """Type and message of an error in one line, as a table's row tells why a job failed.

    Args:
        error: What ended the job. Of an object that Hydra could not make, the cause is described.
        limit: Length at which the line is cut, in characters.
    """
    if isinstance(error, SystemExit):
        code = error.code or 0
        said = f" ({code})" if isinstance(code, str) else ""
        text = f"the job ended its process with exit code {1 if said else code}{said}"
    else:
        root = root_cause(error)
        # A colon at the end announced an excerpt that is left out.
        name, message = type(root).__name__, message_of(root).rstrip(":")
        text = f"{name}: {message}" if message else name
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def root_cause(error: BaseException) -> BaseException:
    """The error that kept Hydra from making an object; any other error is its own cause."""
    # What only raises errors does without Hydra.
    from hydra.errors import InstantiationException

    while isinstance(error, InstantiationException) and error.__cause__ is not None:
        error = error.__cause__
    return error


# Lines that say where in a library something was noticed, not what.
_NOISE = re.compile(
    r"object_type=|reference_type=|Traceback of TorchScript|The following operation failed in the TorchScript"
    r"|The original call is:|set the environment variable HYDRA_FULL_ERROR",
    re.IGNORECASE,
)
# Of C++ errors and of Hydra's: a stack and a list of folders follow, to the end of the message.
_TAIL = re.compile(r"Exception raised from |Config search path:|\(no backtrace available\)")
_EXCERPT = re.compile(r'File "[^"]*", line \d+')
_FULL_KEY = re.compile(r"full_key: (?P<key>.+)")


def message_of(error: BaseException) -> str:
    """An error's whole message as one line (see `one_line`)."""
    return one_line(str(error))


def one_line(message: str) -> str:
    """A message as one line.

    Left out are OmegaConf's types, TorchScript's excerpts of code and the stacks of C++ errors.
    """
    kept: list[str] = []
    in_excerpt = shown = False
    for raw in message.splitlines():
        line = raw.strip()
        if _TAIL.match(line):
            break
        if _EXCERPT.match(line):
            in_excerpt, shown = True, False
        elif in_excerpt and not (shown and line == raw):
            # Up to the mark, and the indented lines of code after it.
            shown = shown or "<--- HERE" in line
            in_excerpt = bool(line) or not shown
        elif found := _FULL_KEY.fullmatch(line):
            if found["key"] not in " ".join(kept):
                kept.append(f"({found['key']})")
        elif line and "<--- HERE" not in line and not _NOISE.match(line):
            kept.append(" ".join(line.split()))
    return " ".join(kept)
