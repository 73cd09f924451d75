"""Errors of the surrogates."""

from nas.errors import NasError


class SurrogateError(NasError):
    """A surrogate's settings, or what it is asked for, are not usable."""


def require_counts(**settings: object) -> None:
    """Checks settings that count something.

    Raises:
        SurrogateError: If one is no integer of at least 1.
    """
    for name, value in settings.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise SurrogateError(f"{name}={value} is out of range: it must be an integer of at least 1.")
