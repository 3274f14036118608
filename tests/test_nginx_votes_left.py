"""Tests of votes that the application does not take: the download leaves them in the spool."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingUnixStreamServer

import pytest

from app.spool import SpooledVote, parse_spool_line
from tests.fake_pypi import FakePypi
from tests.serving import Serving, wait_until
from tests.web_fakes import WHEEL, other_wheel

pytestmark = pytest.mark.system

CONTENT = b"wheel" * 20_000
END = other_wheel(1)
"""A file whose line shows that those before it are written."""

_TORN = b"HTTP/1.1 204 X\r\nX-\0: y\r\n\r\n"


class _Handler(StreamRequestHandler):
    """Reads one request, and gives the answer that its server has for all."""

    server: "_Application"  # type: ignore[mutable-override]  # as socketserver has it

    def handle(self) -> None:
        lines = iter(self.rfile.readline, b"\r\n")
        self.server.asked.append(next(lines).decode().split()[1])
        for _ in lines:
            pass
        if self.server.answer is None:
            self.server.ended.wait()
        self.wfile.write(self.server.answer or b"")


class _Application(ThreadingUnixStreamServer):
    """What stands at the application's socket; without an answer, it keeps silent."""

    def __init__(self, path: Path, answer: bytes | None) -> None:
        self.answer, self.asked, self.ended = answer, list[str](), threading.Event()
        super().__init__(str(path), _Handler)


@contextmanager
def _application(mirror: Serving, answer: bytes | None) -> Iterator[_Application]:
    path = mirror.runtime.app_socket
    with _Application(path, answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.ended.set()
            server.shutdown()
            thread.join()
            path.unlink()


def _status(code: int) -> bytes:
    return f"HTTP/1.1 {code} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()


@pytest.fixture
def start(fake_pypi: FakePypi, tmp_path: Path) -> Iterator[Callable[..., Serving]]:
    """Return what starts nginx without an application, holding a file."""
    started: list[Serving] = []

    def starts(timeout: str = "2s") -> Serving:
        mirror = Serving.of(tmp_path, fake_pypi, trusted_proxies=["127.0.0.1"])
        # One worker ends answers, and writes their lines, in their order.
        mirror.runtime = replace(mirror.runtime, workers=1)
        mirror.edits = {"_timeout 20ms": f"_timeout {timeout}"}
        started.append(mirror)
        mirror.start_nginx()
        for path in (WHEEL, END, f"{WHEEL}.metadata"):
            mirror.hold("hot", path, CONTENT)
        return mirror

    yield starts
    for mirror in started:
        mirror.stop_nginx()


def _download(mirror: Serving, network: int, path: str = WHEEL, **headers: str) -> None:
    client = f"192.0.{network}.1"
    answer = mirror.get(f"/pypi/packages/{path}", X_Forwarded_For=client, **headers)
    assert answer.status in (200, 206)
    assert CONTENT.endswith(answer.body)


def _votes(mirror: Serving) -> list[SpooledVote]:
    votes = [parse_spool_line(line) for line in mirror.spooled()]
    assert None not in votes
    return [vote for vote in votes if vote]


def _left(mirror: Serving) -> list[str | None]:
    """Return whose votes for the wheel are in the spool, once all that came before are."""
    _download(mirror, 255, END)
    wait_until(lambda: any(vote.path == END for vote in _votes(mirror)))
    return [vote.network for vote in _votes(mirror) if vote.path == WHEEL]


@pytest.mark.parametrize(
    "answer",
    [_status(500), _status(502), _status(503), _status(504), b"", _TORN, None],
    ids=["500", "502", "503", "504", "nothing", "a torn header", "silence"],
)
def test_what_the_application_fails_is_left_once(
    start: Callable[..., Serving], answer: bytes | None
) -> None:
    """Whatever its failure looks like; each download has all its bytes."""
    mirror = start("2s" if answer else "50ms")
    with _application(mirror, answer) as application:
        for network in (1, 2, 2, 3):
            _download(mirror, network)
        assert f"/votes/{WHEEL}" == application.asked[0]
    assert ["192.0.1.0/24", "192.0.2.0/24", "192.0.3.0/24"] == _left(mirror)


@pytest.mark.parametrize("code", [200, 204, 400, 401, 403, 413, 429])
def test_what_the_application_answers_is_not_left(start: Callable[..., Serving], code: int) -> None:
    """It is taken, or is no vote; and no such answer stops a download."""
    mirror = start()
    with _application(mirror, _status(code)) as application:
        _download(mirror, 1)
        _download(mirror, 2)
        assert 2 == len(application.asked)
    assert [] == [vote for vote in _votes(mirror) if vote.path == WHEEL]
    assert [] == _left(mirror)


def test_who_failed_is_left_alone(start: Callable[..., Serving]) -> None:
    """Only the first vote waits: the breaker is open for those after it."""
    mirror = start("50ms")
    with _application(mirror, None) as application:
        for network in range(20):
            _download(mirror, network)
        assert 1 == len(application.asked)
    assert 20 == len(_left(mirror))


def test_what_is_no_vote_is_not_left(start: Callable[..., Serving]) -> None:
    """Neither questions, nor later parts, nor metadata, nor machines, nor repeats."""
    mirror = start()
    assert 200 == mirror.get(f"/pypi/packages/{WHEEL}", "HEAD").status
    _download(mirror, 1, Range="bytes=100-")
    _download(mirror, 1, Range="bytes=-100")
    _download(mirror, 1, User_Agent="bandersnatch/6.5")
    _download(mirror, 1, f"{WHEEL}.metadata")
    _download(mirror, 2)
    _download(mirror, 2)
    _download(mirror, 2, WHEEL.replace(".whl", "%2ewhl"))
    assert ["192.0.2.0/24"] == _left(mirror)
    assert {WHEEL, END} == {vote.path for vote in _votes(mirror)}


def test_a_download_that_is_cut_leaves_its_vote(start: Callable[..., Serving]) -> None:
    """At its end, with the time when the file was asked for."""
    mirror = start()
    mirror.hold("hot", WHEEL, os.urandom(16_000_000))
    port, before = mirror.config.listen.port, time.time()
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(f"GET /pypi/packages/{WHEEL} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert b"HTTP/1.1 200" == client.recv(12)
        after = time.time()
        assert [] == mirror.spooled()
        wait_until(lambda: time.time() > after + 0.5)
    wait_until(lambda: len(mirror.spooled()) == 1)
    (vote,) = _votes(mirror)
    assert (WHEEL, "127.0.0.0/24") == (vote.path, vote.network)
    # nginx's clock has steps.
    assert before - 0.1 < vote.time < after + 0.1


def test_a_vote_that_is_left_is_no_news(start: Callable[..., Serving]) -> None:
    """The error log tells once that the application is away, not once a download."""
    mirror = start()
    for network in range(20):
        _download(mirror, network)
    assert 20 == len(_left(mirror))
    assert 1 == len(mirror.errors())
    assert "connect() to unix:" in mirror.errors()[0]
