"""Errors of the surrogates."""

from nas.errors import NasError


class SurrogateError(NasError):
    """A surrogate's settings, or what it is asked for, are not usable."""
