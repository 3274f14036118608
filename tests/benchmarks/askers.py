"""Clients for benchmarks: many small requests under way, or one large body, discarded."""

import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from itertools import islice

_CONNECTIONS = 16
_UNDER_WAY = 8
_BATCHES = 100
"""After so many the connection is closed: nginx does so itself after 1000 requests."""


class WrongAnswerError(Exception):
    """The server answered something else than the benchmark is about."""


def hammer(port: int, paths: Sequence[str], count: int, header: str, answer: bytes) -> float:
    """Send so many requests, and return the seconds until the last answer was here."""
    requests = _requests(paths, count, header)
    selector = selectors.DefaultSelector()
    started = time.monotonic()
    for _ in range(_CONNECTIONS):
        _next(selector, _connect(port), requests, _BATCHES)
    while selector.get_map():
        for key, _ in selector.select():
            connection: socket.socket = key.fileobj  # type: ignore[assignment]
            left, tail, batches = key.data
            piece = connection.recv(1 << 18)
            text = tail + piece
            if not piece or b"HTTP/1.1 " in text.replace(answer, b""):
                raise WrongAnswerError(text[:500])
            left -= text.count(answer)
            # What may be the beginning of an answer that is cut by the piece's end.
            tail = text[max(text.rfind(answer) + len(answer), len(text) - len(answer) + 1) :]
            selector.unregister(connection)
            if left:
                selector.register(connection, selectors.EVENT_READ, (left, tail, batches))
                continue
            if not batches:
                connection.close()
                connection, batches = _connect(port), _BATCHES
            _next(selector, connection, requests, batches)
    return time.monotonic() - started


def download(port: int, path: str, header: str = "", *, proxied: bool = False) -> float:
    """Download a file, and return the megabytes a second."""
    client = "10.1.2.3" if proxied else "192.0.2.3"
    started = time.monotonic()
    with _connect(port) as connection:
        connection.sendall(
            f"GET /pypi/packages/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            f"X-Forwarded-For: {client}\r\n{header}\r\n".encode()
        )
        begun = connection.recv(1 << 16)
        if not begun.startswith((b"HTTP/1.1 200", b"HTTP/1.1 206")):
            raise WrongAnswerError(begun[:500])
        size = len(begun)
        # tcp(7): with MSG_TRUNC the bytes are dropped, not copied.
        while got := connection.recv_into(_DROPPED, len(_DROPPED), socket.MSG_TRUNC):
            size += got
    return size / 1e6 / (time.monotonic() - started)


_DROPPED = bytearray(1 << 20)


def _connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 60)


def _requests(paths: Sequence[str], count: int, header: str) -> Iterator[bytes]:
    heads = [
        f"GET /pypi/packages/{path} HTTP/1.1\r\nHost: x\r\n{header}\r\n".encode() for path in paths
    ]
    for number in range(count):
        yield heads[number % len(heads)]


def _next(
    selector: selectors.BaseSelector,
    connection: socket.socket,
    requests: Iterator[bytes],
    batches: int,
) -> None:
    batch = list(islice(requests, _UNDER_WAY))
    if not batch:
        connection.close()
        return
    connection.sendall(b"".join(batch))
    selector.register(connection, selectors.EVENT_READ, (len(batch), b"", batches - 1))
