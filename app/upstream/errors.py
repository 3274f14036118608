"""What can go wrong upstream.

    UpstreamError
    ├── NoSuchProject         404 or 410 for a project's page
    ├── NoSuchFile            404 or 410 for a file
    ├── UpstreamUnavailable   not now: connection, silence, 429, 5xx
    └── UpstreamUntrusted     an answer that is not to be believed
        └── CutBodyError      a body that ended early

Each message is one sentence that names the URL, without credentials and query.
"""

import re
from typing import Any

_LONGEST = 500
# Headers may hold them; a terminal would obey them.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class UpstreamError(Exception):
    """Upstream did not give what it was asked for."""

    # What upstream answered, where it did; and whether it fell silent instead.
    status: int | None = None
    timed_out: bool = False

    def __init__(self, url: str, what: str) -> None:
        """Say what went wrong with which URL."""
        super().__init__(_CONTROL.sub("\ufffd", f"{shown(url)} {what}"))

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it pass from one process to another, with its one sentence."""
        return _again, (type(self), str(self)), dict(self.__dict__)


# The names are read as facts where they are caught: `except NoSuchProject`.
class NoSuchProject(UpstreamError):  # noqa: N818
    """Upstream has no such project."""


class NoSuchFile(UpstreamError):  # noqa: N818
    """Upstream has no such file."""


class UpstreamUnavailable(UpstreamError):  # noqa: N818
    """Upstream cannot be asked now; later it may."""

    # For so many seconds upstream asks to be left alone (`Retry-After`), an hour at most.
    pause: float | None = None


class UpstreamUntrusted(UpstreamError):  # noqa: N818
    """Upstream's answer cannot be what was asked for; nothing is taken from it."""


class CutBodyError(UpstreamUntrusted):
    """The body ended before its end; asking again often helps."""


def _again(kind: type[UpstreamError], sentence: str) -> UpstreamError:
    error = kind.__new__(kind)
    error.args = (sentence,)
    return error


def shown(url: str) -> str:
    """Return a URL as messages have it: no user, no password, no signed query.

    >>> shown("https://user:secret@example.org/simple/?token=1")
    'https://example.org/simple/'
    """
    # By hand: what is shown may be no URL at all.
    scheme, separator, rest = url.partition("?")[0].partition("#")[0].partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"[:_LONGEST]
