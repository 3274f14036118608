"""Whether a place of files answers, and what is wrong where it does not."""

from http import HTTPStatus

import requests

from app.targets import Failure, Kind
from app.upstream.errors import UpstreamError, UpstreamUnavailable, UpstreamUntrusted
from app.upstream.retries import pause_of
from app.upstream.wire import Ask, Wire, media_type

PROBE_TIMEOUT = 5.0
"""Seconds of silence: a client that was sent there would wait no longer gladly."""

PROBE_HEADER = "X-Larder-Probe"
"""By this upstream's operators know a probe in their logs."""

_PAGES = frozenset({"text/html", "application/xhtml+xml"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

# It answers, and knows no HEAD.
_NO_HEAD = frozenset({HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED})

LOOP_STATUS = 508
"""What a mirror answers when its own request comes back (RFC 5842, section 7.2)."""


def probe(wire: Wire, url: str, *, is_file: bool) -> Failure | None:
    """Ask with HEAD; see `Upstream.probe`.

    Of the place itself 403 says nothing: many servers do not list their folders. A 404
    says nothing of a file either: a partial mirror is none the worse for it.
    """
    headers = {"Accept": "*/*", "Accept-Encoding": "identity", PROBE_HEADER: "1"}
    ask = Ask(url, headers, limit=0, method="HEAD")
    try:
        with wire.open(ask, anywhere=True) as response:
            return _judged(response, is_file=is_file)
    except UpstreamError as error:
        return failure_of(error)


def _judged(response: requests.Response, *, is_file: bool) -> Failure | None:
    status = response.status_code
    if status == HTTPStatus.OK:
        portal = is_file and media_type(response.headers) in _PAGES
        return Failure(Kind.PAGE) if portal else None
    if status in _REDIRECTS:
        # More of them than are followed.
        return Failure(Kind.REDIRECT)
    if status in _NO_HEAD or (status == HTTPStatus.FORBIDDEN and not is_file):
        return None
    return failure_by(status, response.headers.get("Retry-After"))


def failure_by(status: int, retry_after: str | None = None) -> Failure | None:
    """Return what a status says of a place; None: nothing bad."""
    if status == HTTPStatus.FORBIDDEN:
        return Failure(Kind.FORBIDDEN)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        said = {"Retry-After": retry_after} if retry_after else {}
        return Failure(Kind.LIMITED, pause_of(said))
    if status == LOOP_STATUS:
        return Failure(Kind.LOOP)
    if status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.GATEWAY_TIMEOUT}:
        return Failure(Kind.TIMEOUT)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Failure(Kind.SERVER_ERROR)
    return None


def failure_of(error: UpstreamError) -> Failure | None:
    """Return what an error says of a place; None: nothing bad, as of a file that is not there."""
    if error.status is not None:
        return failure_by(error.status)
    if error.timed_out:
        return Failure(Kind.TIMEOUT)
    if isinstance(error, UpstreamUnavailable):
        return Failure(Kind.CONNECTION)
    if isinstance(error, UpstreamUntrusted):
        return Failure(Kind.BROKEN)
    return None
