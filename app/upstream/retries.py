"""When a request is repeated, and how long that may wait."""

from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

from requests.adapters import HTTPAdapter
from urllib3.connectionpool import ConnectionPool
from urllib3.exceptions import InvalidHeader, MaxRetryError, ResponseError
from urllib3.response import BaseHTTPResponse
from urllib3.util.retry import Retry

from app.upstream.guard import Guard, GuardedAdapter

_LONGEST_WAIT = 10.0

_STATUS_CODES: Final = (
    408,  # a front end that waited for our request in vain
    429,  # PyPI's rate limit, and most other services'
    500,  # PyPI while it is being deployed; object stores at any time
    502,  # a front end whose back end hung up
    503,  # Fastly when PyPI does not answer, and whoever is overloaded
    504,  # a front end whose back end is slow
    520,  # Cloudflare: the origin answered what it did not understand
    522,  # Cloudflare: no connection to the origin
    524,  # Cloudflare: the origin was silent for too long
)


_LONGEST_PAUSE = 3600.0
"""Seconds; a server whose clock is wrong, or who means "tomorrow", is asked again all the same."""


def pause_of(headers: Mapping[str, str]) -> float | None:
    """Return the seconds for which an answer asks to be left alone (RFC 9110, 10.2.3).

    At most an hour; None where it does not.
    """
    value = headers.get("Retry-After")
    try:
        wait = None if value is None else PatientRetry().parse_retry_after(value)
    except InvalidHeader:
        return None
    return None if wait is None else min(wait, _LONGEST_PAUSE)


class PatientRetry(Retry):
    """Retries that obey `Retry-After`, unless it asks for more patience than there is."""

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Return the seconds that `Retry-After` asks for; None where it is no time."""
        try:
            return super().get_retry_after(response)
        except InvalidHeader:
            return None

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        """Count one more try, or end the tries."""
        wait = self.get_retry_after(response) if response is not None else None
        if _pool is not None and wait is not None and wait > _LONGEST_WAIT:
            raise MaxRetryError(_pool, url, ResponseError("asks for a long pause"))
        return super().increment(method, url, response, error, _pool, _stacktrace)


def adapter(retry: int, connections: int, guard: Guard) -> HTTPAdapter:
    """Return a connection pool that repeats what is worth it, and connects where it may."""
    return GuardedAdapter(
        guard,
        pool_connections=16,
        pool_maxsize=connections,
        max_retries=PatientRetry(
            total=retry,
            # POST is XML-RPC's way to ask for the list, and changes nothing.
            allowed_methods=["GET", "HEAD", "POST"],
            status_forcelist=_STATUS_CODES,
            backoff_factor=0.25,
            # The last answer is judged where it is read.
            raise_on_status=False,
        ),
    )
