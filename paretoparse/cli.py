"""What every command shares: its configuration, `--help`, and errors as one sentence."""

import argparse
import contextlib
import functools
import io
import os
import select
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import hydra
import yaml
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from paretoparse.arguments import quote_text
from paretoparse.checks import COUNT
from paretoparse.errors import ParetoParseError, UsageError, describe_error, message_of, root_cause

CONF = (Path(__file__).parent / "conf").resolve()
"""The configuration tree, in a checkout and in an installed package alike."""

INTERRUPTED = 130
"""Exit code of a process that Ctrl-C ended."""

EXPECTED = (
    ParetoParseError,
    HydraException,
    OmegaConfBaseException,
    OSError,
    UnicodeError,
    yaml.YAMLError,
)

_FULL_ERROR = "HYDRA_FULL_ERROR"
# Options of Hydra's that name what else to do than a sweep.
_OTHER_MODES = ("help", "hydra_help", "cfg", "info", "run", "multirun", "shell_completion")
# As the user has set it; see `_errors_handed_on`.
_traceback_wanted = os.environ.get(_FULL_ERROR) == "1"


def hydra_main(
    config_name: str, documentation: str | None, verbatim: Collection[str] = ()
) -> Callable[[Callable[[DictConfig], Any]], Callable[[], None]]:
    """Make a command of a function that takes a configuration, as `hydra.main` does.

    An expected error ends the command with one sentence on stderr and exit code 1. In a sweep the error of a
    job is raised, since it is the sweeper that decides what becomes of it. HYDRA_FULL_ERROR=1 in the
    environment brings the traceback back.

    Args:
        config_name: The file in `conf/` that composes the configuration.
        documentation: What `--help` begins with.
        verbatim: Keys whose values are taken as they are typed (see `paretoparse.arguments.quote_text`).
    """

    def decorate(function: Callable[[DictConfig], Any]) -> Callable[[], None]:
        @functools.wraps(function)
        def task(config: DictConfig) -> Any:
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                return function(config)
            with reported_errors():
                return function(config)

        run = hydra.main(version_base="1.3", config_path=str(CONF), config_name=config_name)(task)

        @functools.wraps(function)
        def command() -> None:
            with reported_errors():
                sys.argv[1:] = quote_text(sys.argv[1:], verbatim)
                options = _check_options(sys.argv[1:])
                _check_overrides(options.overrides)
                if options.help:
                    print(_help(documentation, config_name), flush=True)
                if _is_sweep(config_name) and not any(getattr(options, name) for name in _OTHER_MODES):
                    # Hydra takes the mode from the file only if all overrides can be composed; with a wrong
                    # one it would complain of the sweeps instead.
                    sys.argv.insert(1, "--multirun")
                with _errors_handed_on():
                    run()

        return command

    return decorate


@contextlib.contextmanager
def _errors_handed_on() -> Iterator[None]:
    """Keep Hydra from printing errors itself and ending the process."""
    before = os.environ.get(_FULL_ERROR)
    os.environ[_FULL_ERROR] = "1"
    try:
        yield
    finally:
        del os.environ[_FULL_ERROR]
        if before is not None:
            os.environ[_FULL_ERROR] = before


def plain_main(main: Callable[[Sequence[str]], None], documentation: str | None) -> None:
    """Run a command without a configuration on the command line's arguments.

    Args:
        main: Takes the arguments.
        documentation: What `--help` prints.
    """
    with reported_errors():
        if {"-h", "--help"} & set(sys.argv[1:]):
            print(_help(documentation))
            return
        main(sys.argv[1:])


class ArgumentParser(argparse.ArgumentParser):
    """An `argparse.ArgumentParser` whose complaints are errors like all others."""

    def error(self, message: str) -> NoReturn:
        """Called for arguments that cannot be used.

        Raises:
            UsageError: Always.
        """
        raise UsageError(f"{message}; --help shows what there is.")


def count(text: str) -> int:
    """What an argument stands for that is an integer of at least 1: a `type` of an `ArgumentParser`."""
    number = int(text)
    if number not in COUNT:
        raise argparse.ArgumentTypeError(f"{number} is out of range: it must be {COUNT}")
    return number


@contextlib.contextmanager
def reported_errors() -> Iterator[None]:
    """End the process with one sentence on stderr where an expected error would end it with a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Better a letter's number than no answer where the terminal does not have the letter.
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            yield
        finally:
            # Here, since a pipe without a reader would be noticed at the interpreter's end otherwise.
            sys.stdout.flush()
    except BrokenPipeError as error:
        if not _nobody_reads():
            _end(error)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except EXPECTED as error:
        _end(error)
    except KeyboardInterrupt:
        print("error: interrupted.", file=sys.stderr)
        sys.exit(INTERRUPTED)


def _end(error: BaseException) -> NoReturn:
    if _traceback_wanted:
        raise error
    print(f"error: {sentence(error)}", file=sys.stderr)
    sys.exit(error.exit_code if isinstance(error, ParetoParseError) else 1)


def sentence(error: BaseException) -> str:
    """What a command says of an expected error."""
    error = root_cause(error)
    if isinstance(error, MissingMandatoryValue):
        return f"{error.full_key} is not given; add {error.full_key}=VALUE."
    if isinstance(error, OSError) and isinstance(error.filename, str | bytes):
        where = " (HYDRA_FULL_ERROR=1 shows where)"
        return f"'{os.fsdecode(error.filename)}' cannot be used: {error.strerror}{where}."
    if isinstance(error, OverrideParseException) and error.override not in str(error):
        return f"'{error.override}' cannot be read: {message_of(error)}"
    if isinstance(error, ParetoParseError | HydraException | OmegaConfBaseException):
        return message_of(error) or type(error).__name__
    return describe_error(error, limit=1000)


def _nobody_reads() -> bool:
    """Whether standard output is a pipe whose reader has gone, such as `head`."""
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        return bool(poll.poll(0))
    except (OSError, ValueError):
        return False


def _check_options(arguments: Sequence[str]) -> argparse.Namespace:
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return get_args_parser().parse_args(arguments)
    except SystemExit as end:
        if not end.code:
            raise
        said = complaint.getvalue().strip().splitlines()[-1].partition("error: ")[2]
        raise UsageError(f"{said}; --help shows what there is.") from None


def _check_overrides(overrides: Sequence[str]) -> None:
    """Refuse what Hydra answers with a traceback, as GROUP=null and GROUP=1, or with a folder called None.

    Raises:
        UsageError: If a group of options is given what is no option's name, or a path nothing.
    """
    parser = OverridesParser.create()
    for text in overrides:
        try:
            (override,) = parser.parse_overrides([text])
        except HydraException:
            # Hydra itself says it.
            continue
        group = override.key_or_group
        value = override.value()
        if override.is_delete() or override.is_sweep_override() or isinstance(value, str | list):
            continue
        if value is None and group.startswith("paths."):
            raise UsageError(f"{text} names no folder; name one.")
        names = _options(group)
        if names or group.startswith("hydra/"):
            remedy = f"use one of: {', '.join(names)}" if names else "name one"
            raise UsageError(f"{text} chooses no option; {remedy}.")


def _is_sweep(config_name: str) -> bool:
    content = yaml.safe_load((CONF / f"{config_name}.yaml").read_text(encoding="utf-8"))
    return bool(content.get("hydra", {}).get("mode") == RunMode.MULTIRUN.name)


def _help(documentation: str | None, config_name: str | None = None) -> str:
    """The documentation and, where there is a configuration, its groups; Hydra adds the keys."""
    text = (documentation or "").strip()
    if config_name is None:
        return text + "\n"
    defaults = yaml.safe_load((CONF / f"{config_name}.yaml").read_text(encoding="utf-8"))["defaults"]
    groups = [name for entry in defaults if isinstance(entry, dict) for name in entry if " " not in name]
    groups = [name.partition("@")[0] for name in groups]
    lines = [f"  {name}: {', '.join(_options(name))}" for name in groups if name != "hydra"]
    heading = ["Configuration groups, chosen by GROUP=OPTION:"] if lines else []
    return "\n".join([text, "", *heading, *lines, ""])


def _options(group: str) -> list[str]:
    return sorted(file.stem for file in (CONF / group).glob("*.yaml"))


def run_folder() -> Path:
    """The folder that Hydra has made for this run, without symbolic links, as a search stores it."""
    return Path(HydraConfig.get().runtime.output_dir).resolve()
