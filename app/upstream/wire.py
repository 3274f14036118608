"""The wire: one session, its failures as ours, and whole answers to small questions."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Generic, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import HTTPError

from app.pacing import Pace
from app.upstream.body import Bounds, Meter, drain, pieces
from app.upstream.errors import (
    CutBodyError,
    UpstreamError,
    UpstreamUnavailable,
    UpstreamUntrusted,
    shown,
)
from app.upstream.guard import Guard
from app.upstream.policy import Addresses, UpstreamPolicy
from app.upstream.reasons import fell_silent, reason
from app.upstream.session import Session

T = TypeVar("T")

_CONNECT_SECONDS = 10.0
_MAX_REDIRECTS = 5
# A page that dribbles in is given up after so many times the allowed silence: nothing
# else would end it.
_WHOLE_IN_SILENCES = 10

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LATER = frozenset({408, 425, 429})

# What requests raises for an answer that makes no sense; the rest is the connection.
_SENSELESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidHeader,
    requests.exceptions.ContentDecodingError,
)


@dataclass(frozen=True, slots=True)
class Ask:
    """One question."""

    url: str
    headers: Mapping[str, str]
    # Bytes that the answer may have, unpacked.
    limit: int
    method: str = "GET"
    data: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """One answer, read to its end."""

    # Where it came from, after redirects.
    url: str
    status: int
    headers: Mapping[str, str]
    # What was made of the body; None unless the status is 200.
    body: T | None

    @property
    def content_type(self) -> str:
        """The media type, in lower case, without parameters."""
        return media_type(self.headers)


class Wire:
    """The connections to upstream."""

    def __init__(self, policy: UpstreamPolicy, addresses: Addresses, pace: Pace) -> None:
        """Prepare a session; nothing is connected before the first request."""
        self._pace = pace
        self._retry = policy.retry
        self.connections = policy.connections
        self._timeout = (_CONNECT_SECONDS, policy.timeout)
        self._seconds = _WHOLE_IN_SILENCES * policy.timeout
        self._credentials = addresses.credentials
        # Given with each request: what a session has ranks below the environment.
        self._proxies = {"http": policy.proxy, "https": policy.proxy} if policy.proxy else None
        self._guard = Guard(policy.configured)
        self._session = Session(policy, self._guard)

    def close(self) -> None:
        """End all connections."""
        self._session.close()

    def meter(self) -> Meter:
        """Return what a body is read through."""
        return Meter(self._pace)

    @contextmanager
    def open(self, ask: Ask, *, anywhere: bool) -> Iterator[requests.Response]:
        """Send a request and hand out the answer before its body is read.

        Redirects are followed, within the host or `anywhere`.

        Raises:
            UpstreamUnavailable: There is no answer.
            UpstreamUntrusted: It makes no sense, or leads elsewhere.

        """
        response = self._send(ask, ask.url)
        for _ in range(_MAX_REDIRECTS):
            if response.status_code not in _REDIRECTS or ask.data is not None:
                break
            _end(response)
            location = response.headers.get("Location", "")
            url = _redirected(response.url, location, anywhere=anywhere)
            with self._guard.redirected(url):
                response = self._send(ask, url)
        try:
            yield response
        finally:
            _end(response)

    def _send(self, ask: Ask, url: str) -> requests.Response:
        """Send a request to where it is, or was redirected."""
        try:
            request = self._session.prepared(
                ask.method, url, ask.headers, ask.data, self._auth(url)
            )
            return self._session.sent(request, self._timeout, self._proxies)
        except (requests.RequestException, HTTPError, ValueError, OSError) as error:
            raise _translated(error, url) from error

    def fetch(self, ask: Ask, read: Callable[[str, Iterator[bytes]], T]) -> Answer[T]:
        """Return a whole answer, of any status; a cut one is asked for again.

        `read` makes something of media type and body, and may leave the body unread.

        Raises:
            UpstreamUnavailable: There is no answer.
            UpstreamUntrusted: It is cut, too large, or makes no sense.

        """
        for _ in range(self._retry):
            try:
                return self._fetch(ask, read)
            except CutBodyError:
                continue
        return self._fetch(ask, read)

    def _fetch(self, ask: Ask, read: Callable[[str, Iterator[bytes]], T]) -> Answer[T]:
        """Fetch once."""
        with self.open(ask, anywhere=False) as response:
            body = None
            if response.status_code == HTTPStatus.OK:
                bounds = Bounds(ask.limit, self._seconds)
                body = read(media_type(response.headers), pieces(response, bounds, self.meter()))
            return Answer(response.url, response.status_code, response.headers, body)

    def _auth(self, url: str) -> tuple[str, str] | None:
        """Return the credentials for the index's own host."""
        known = self._credentials
        if known is None or urlsplit(url).netloc != known.host:
            return None
        return known.user, known.password


def judge(status: int, url: str, missing: type[UpstreamError]) -> UpstreamError:
    """Return what a status means that is neither a page nor a file."""
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        error = missing(url, f"is not there ({status})")
    elif status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        error = UpstreamUnavailable(url, f"answers {status}")
    else:
        error = UpstreamUntrusted(url, f"answers {status}")
    error.status = status
    return error


def media_type(headers: Mapping[str, str]) -> str:
    """Return the media type of an answer, in lower case, without parameters."""
    return headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _translated(error: Exception, url: str) -> UpstreamError:
    """Return a failure of requests' or urllib3's as ours."""
    if isinstance(error, _SENSELESS) or not isinstance(error, OSError | HTTPError):
        return UpstreamUntrusted(url, f"cannot be asked: {reason(error)}")
    unavailable = UpstreamUnavailable(url, f"cannot be reached: {reason(error)}")
    unavailable.timed_out = fell_silent(error)
    return unavailable


def _redirected(url: str, location: str, *, anywhere: bool) -> str:
    """Return where a redirect leads.

    A page must stay on its host: an index that sends its readers elsewhere is a login
    page more often than an index.
    """
    try:
        target = urljoin(url, location)
        old, new = urlsplit(url), urlsplit(target)
    except ValueError as error:
        raise UpstreamUntrusted(url, f"redirects to {location[:80]!r}") from error
    upgraded = (old.scheme, new.scheme) == ("http", "https") and old.hostname == new.hostname
    if not anywhere and not upgraded and (old.scheme, old.netloc) != (new.scheme, new.netloc):
        raise UpstreamUntrusted(url, f"redirects to another host, {shown(target)[:80]}")
    return target


def _end(response: requests.Response) -> None:
    """Give the connection back, after an answer whose rest is small."""
    if response.status_code not in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
        drain(response)
    response.close()
