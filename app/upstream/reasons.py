"""A connection's failure in a few words."""

from collections.abc import Iterator

from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ReadTimeoutError

_DEPTH = 6


def reason(error: BaseException) -> str:
    """Return the innermost cause that has words of its own.

    What requests says of it is a paragraph with addresses of objects.
    """
    causes = list(_causes(error, _DEPTH))
    for cause in reversed(causes):
        if isinstance(cause, ReadTimeoutError):
            return "no word within the time allowed"
        if isinstance(cause, ConnectTimeoutError):
            return "no connection within the time allowed"
        if isinstance(cause, OSError) and cause.strerror:
            return str(cause.strerror)
    return " ".join(str(causes[-1]).split())[:200] or type(causes[-1]).__name__


def fell_silent(error: BaseException) -> bool:
    """Whether a time-out is what went wrong."""
    silences = (ReadTimeoutError, ConnectTimeoutError)
    return any(
        isinstance(cause, silences) and not isinstance(cause, NewConnectionError)
        for cause in _causes(error, _DEPTH)
    )


def _causes(error: BaseException, depth: int) -> Iterator[BaseException]:
    """Yield an error and what it was made from, outermost first."""
    yield error
    if not depth:
        return
    inner = getattr(error, "reason", None)
    for candidate in (inner, *error.args, error.__cause__):
        if isinstance(candidate, BaseException):
            yield from _causes(candidate, depth - 1)
            return
