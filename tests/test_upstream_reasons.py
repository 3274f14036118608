"""A connection's failure is told in a few words."""

import socket

import pytest
import requests
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NewConnectionError,
    ReadTimeoutError,
)

from app.upstream.reasons import reason

POOL = HTTPConnectionPool("example.org")
CONNECTION = HTTPConnection("example.org")


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        (ConnectTimeoutError(), "no connection within the time allowed"),
        (ReadTimeoutError(POOL, "/x", "timed out"), "no word within the time allowed"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (OSError(111, "Connection refused"), "Connection refused"),
        (HTTPError("some\n words"), "some words"),
        (HTTPError(), "HTTPError"),
    ],
)
def test_the_innermost_cause(inner: Exception, expected: str) -> None:
    """Whatever is wrapped around it, the cause is told."""
    assert expected == reason(inner)
    assert expected == reason(requests.ConnectionError(MaxRetryError(POOL, "/x", inner)))


def test_a_cause_by_chaining() -> None:
    """A cause that was raised from is found, too."""
    outer = NewConnectionError(CONNECTION, "Failed to establish a new connection")
    outer.__cause__ = OSError(113, "No route to host")
    assert "No route to host" == reason(outer)


def test_causes_without_an_end() -> None:
    """A cause that is its own cause ends somewhere."""
    error = HTTPError("round")
    error.__cause__ = error
    assert "round" == reason(error)
