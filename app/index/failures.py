"""Why a project could not be brought in step, as the store and `status` have it."""

import math

from app.legacy import StaleLegacyError
from app.planning import BUSY, retry_pause
from app.store import Failure, TrackedProject
from app.upstream import UpstreamError, UpstreamUnavailable

_MISSING = "missing"
_LASTING = 3600
"""Seconds for which upstream's list must have been wrong before its 404 is believed: a copy
of PyPI's list may be half an hour old, and name what was deleted since."""


class StalePageError(Exception):
    """Upstream served an older page than it has announced, or than is here."""


class MissingPageError(StalePageError):
    """Upstream has no page of a project that it lists: one of the two is a stale copy."""


def failure(error: Exception, known: TrackedProject | None, now: int) -> Failure:
    """Return what to note of an error, after those that are known."""
    kind = _kind(error)
    pause = retry_pause((known.tries if known else 0) + 1)
    if isinstance(error, UpstreamUnavailable) and error.pause is not None:
        pause = max(pause, math.ceil(error.pause))
    anew = kind == _MISSING and (known is None or known.failure_kind != _MISSING)
    since, tries = (known.failing_since, known.tries) if known else (None, None)
    return Failure(kind, str(error), now, now + pause, anew, since, tries)


def has_lasted(known: TrackedProject | None, now: int) -> bool:
    """Whether a page has been missing for so long, try after try, that it is to be believed."""
    if known is None or known.failure_kind != _MISSING or known.failing_since is None:
        return False
    return now - known.failing_since >= _LASTING


def refuse_stale(found: int | None, here: int | None, announced: int | None) -> None:
    """Refuse a page older than what was announced, or than what is here.

    A page without any serial is not stale: it cannot be told.

    Raises:
        StalePageError: It is older.

    """
    if found is None:
        return
    for serial, what in ((announced, "upstream announced"), (here, "is here already")):
        if serial is not None and found < serial:
            message = f"upstream's page has serial {found}, but {serial} {what}; a stale copy"
            raise StalePageError(message)


def _kind(error: Exception) -> str:
    """Return the word for a failure that `status` and the runbook use."""
    if isinstance(error, MissingPageError):
        return _MISSING
    if isinstance(error, StalePageError | StaleLegacyError):
        return "stale"
    if isinstance(error, UpstreamUnavailable):
        return "unavailable" if error.pause is None else BUSY
    return "untrusted" if isinstance(error, UpstreamError) else "local"
