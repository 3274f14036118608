"""Why a project could not be brought in step, as the store and `status` have it."""

from app.legacy import StaleLegacyError
from app.planning import retry_pause
from app.store import Failure, TrackedProject
from app.upstream import UpstreamError, UpstreamUnavailable


class StalePageError(Exception):
    """Upstream served an older page than it has announced, or than is here."""


def failure(error: Exception, known: TrackedProject | None, now: int) -> Failure:
    """Return what to note of an error, after those that are known."""
    pause = retry_pause((known.tries if known else 0) + 1)
    return Failure(_kind(error), str(error), now, now + pause)


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
    if isinstance(error, StalePageError | StaleLegacyError):
        return "stale"
    if isinstance(error, UpstreamUnavailable):
        return "unavailable"
    return "untrusted" if isinstance(error, UpstreamError) else "local"
