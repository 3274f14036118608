"""The socket: a thread a connection, keep-alive, one write an answer.

Leaner than ``http.server``, whose header parser would be most of a benchmark.
"""

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast

from tests.fake_pypi.answers import Answer, Request
from tests.fake_pypi.faults import Fault

_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, and the fault it is written with."""

    answer: Answer
    fault: Fault


class Server(socketserver.ThreadingTCPServer):
    """Answers on one loopback port until it is stopped."""

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, port: int, reply: Callable[[Request], Reply]) -> None:
        """Bind the port (0: any free one) and answer from a thread of its own."""
        super().__init__((_LOOPBACK, port), _Connection)
        self.reply = reply
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        # So many connections were open at once.
        self.most = 0
        self._open_lock = threading.Lock()
        self._loop = threading.Thread(target=self.serve_forever, args=(0.02,), name="fake-pypi")
        self._loop.start()

    @property
    def port(self) -> int:
        """The port in use."""
        return int(self.server_address[1])

    def stop(self) -> None:
        """End every connection and give the port back."""
        self.stopping.set()
        self.shutdown()
        self._loop.join()
        with self._open_lock:
            for connection in self._open:
                _end(connection)
        self.server_close()

    def opened(self, connection: socket.socket) -> None:
        """Note a connection."""
        with self._open_lock:
            self._open.add(connection)
            self.most = max(self.most, len(self._open))

    def closed(self, connection: socket.socket) -> None:
        """Forget a connection."""
        with self._open_lock:
            self._open.discard(connection)


class _Connection(socketserver.StreamRequestHandler):
    """One connection: requests one after the other."""

    disable_nagle_algorithm = True

    def setup(self) -> None:
        """Let the server know the connection."""
        super().setup()
        self._server = cast("Server", self.server)
        self._server.opened(self.connection)

    def handle(self) -> None:
        """Answer until either side has enough."""
        try:
            while not self._server.stopping.is_set():
                request = self._read()
                if request is None or not self._write(request):
                    return
        except ConnectionError:
            return

    def finish(self) -> None:
        """Let the server forget the connection."""
        self._server.closed(self.connection)
        super().finish()

    def _read(self) -> Request | None:
        """Read one request; None at the end of the connection."""
        method, _, rest = self.rfile.readline(65_536).decode("latin-1").strip().partition(" ")
        if not rest:
            return None
        headers = dict(self._headers())
        body = self.rfile.read(int(headers.get("content-length", 0)))
        port = int(self.client_address[1])
        return Request(method, rest.rpartition(" ")[0], headers, body, port)

    def _headers(self) -> Iterator[tuple[str, str]]:
        """Read header lines up to the empty one."""
        while line := self.rfile.readline(65_536).decode("latin-1").strip():
            name, _, value = line.partition(":")
            yield name.lower(), value.strip()

    def _write(self, request: Request) -> bool:
        """Write one answer; False ends the connection."""
        reply = self._server.reply(request)
        close = request.headers.get("connection", "").lower() == "close"
        bodiless = request.method == "HEAD" or reply.answer.status == HTTPStatus.NOT_MODIFIED
        body = b"" if bodiless else reply.answer.body
        head = reply.answer.head(close=close)
        for piece in reply.fault.pieces(head, body, self._server.stopping):
            self.connection.sendall(piece)
        return not (close or reply.fault.closes)


def _end(connection: socket.socket) -> None:
    """Wake whoever reads from or writes to a connection."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # The other side was quicker.
        return
