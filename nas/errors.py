"""Errors of the search; every one carries one sentence that says what is wrong and what to do.

There is a class where somebody catches it, or must tell it from the others.
"""

from paretoparse.errors import ParetoParseError


class NasError(ParetoParseError):
    """Base of all errors that a search raises on purpose."""


class SettingsError(NasError):
    """The configuration of a search is not usable."""


class SpaceError(NasError):
    """A parameter's definition, or a value given to a parameter, is not usable."""


class StudyError(NasError):
    """A study cannot be opened or written."""


class StudyMismatchError(StudyError):
    """The study on disk was started with other settings."""


class JobError(NasError):
    """What a job returned cannot be used."""


class SpaceExhaustedError(NasError):
    """Every point of a finite search space has been proposed."""


class SearchFailedError(NasError):
    """The search ended early: the reference model or too many trials failed."""


class ReportError(NasError):
    """A table or a figure cannot be made from a study."""


class SearchInterruptedError(NasError):
    """The user stopped the search; it can be resumed."""

    exit_code = 130  # that of a process that Ctrl-C ended
