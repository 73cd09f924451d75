"""What can go wrong in `nlu`, each with a message that says what to do."""

from paretoparse.errors import ParetoParseError


class NluError(ParetoParseError):
    """Base of every error that a user of `nlu` can cause and mend."""


class FrameError(NluError):
    """A frame or span form is unbalanced, unknown or otherwise not one."""


class DataError(NluError):
    """A data folder or file is missing, or a row in it is malformed."""


class ConfigError(NluError):
    """A setting has a value that cannot work."""


class ParserFileError(NluError):
    """A file is not a parser, or is a parser for something else."""


class UtteranceError(NluError):
    """An utterance cannot be parsed at all: it has no words, or too many."""
