"""Clients that download: many connections, each with several requests under way.

    python -m tests.benchmarks.voters PORT FILE FIRST LAST

FILE has a path a line. Request number n asks for one of them from a network of its own,
so every one is a new vote. At its end it prints the seconds that it took, wall and CPU.
A held file ends with `END`, by which answers are counted; any other answer fails the run.
"""

import selectors
import socket
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

END = b"~the end of this file~"
"""What the body of every file ends with."""

_CONNECTIONS = 32
_BATCHES = 100
"""After so many the connection is closed: nginx does so itself after 1000 requests."""

_UNDER_WAY = 8
"""Requests that a connection has under way; nginx answers them one after the other."""


def network_of(number: int) -> str:
    """Return an address in the network of a request."""
    return f"{1 + (number >> 16) % 200}.{number >> 8 & 255}.{number & 255}.1"


def run(port: int, paths: list[str], first: int, last: int) -> None:
    """Send every request, and wait for every answer."""
    requests = _requests(paths, first, last)
    selector = selectors.DefaultSelector()
    address = ("127.0.0.1", port)
    for _ in range(_CONNECTIONS):
        _next(selector, socket.create_connection(address), requests, _BATCHES)
    while selector.get_map():
        for key, _ in selector.select():
            connection: socket.socket = key.fileobj  # type: ignore[assignment]
            left, tail, batches = key.data
            piece = connection.recv(1 << 18)
            if not piece:
                raise ConnectionError("nginx closed a connection")
            text = tail + piece
            left -= text.count(END)
            tail = text[text.rfind(END) + len(END) :] if END in text else text
            if left:
                selector.modify(connection, selectors.EVENT_READ, (left, tail, batches))
            else:
                selector.unregister(connection)
                if not batches:
                    connection.close()
                    connection, batches = socket.create_connection(address), _BATCHES
                _next(selector, connection, requests, batches)


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


def _requests(paths: list[str], first: int, last: int) -> Iterator[bytes]:
    for number in range(first, last):
        path = paths[number % len(paths)]
        yield (
            f"GET /pypi/packages/{path} HTTP/1.1\r\nHost: x\r\n"
            f"X-Forwarded-For: {network_of(number)}\r\n\r\n"
        ).encode()


def main() -> None:
    """Run, and say how long it took."""
    port, paths, first, last = sys.argv[1:]
    started = time.monotonic()
    run(int(port), Path(paths).read_text().split(), int(first), int(last))
    print(time.monotonic() - started, time.process_time())


if __name__ == "__main__":
    main()
