"""What can go wrong with one answer.

A fault either changes the answer before it is written (`change`), or the way it is
written (`pieces`), or both.
"""

import gzip
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from tests.fake_pypi.answers import Answer, redirect, text


class Fault:
    """No fault at all; each subclass overrides what it spoils."""

    # Whether the connection ends with the answer.
    closes = False
    # Whether If-None-Match and Range are left unread.
    unconditional = False

    def change(self, answer: Answer) -> Answer:
        """Return the answer that is written instead."""
        return answer

    def pieces(self, head: bytes, body: bytes, stopping: threading.Event) -> Iterator[bytes]:
        """Yield what is written; `stopping` is set when the server ends."""
        del stopping
        yield head + body


@dataclass(frozen=True)
class Status(Fault):
    """An error answer, with `Retry-After` in seconds where given."""

    status: int
    retry_after: int | None = None

    def change(self, answer: Answer) -> Answer:
        """Answer the status."""
        del answer
        bad = text(self.status, f"{self.status}, as a test wished\n")
        if self.retry_after is None:
            return bad
        return bad.with_headers(Retry_After=str(self.retry_after))


@dataclass(frozen=True)
class Redirect(Fault):
    """A redirect."""

    location: str
    status: int = 302

    def change(self, answer: Answer) -> Answer:
        """Answer the redirect."""
        del answer
        return redirect(self.location, self.status)


@dataclass(frozen=True)
class Replaced(Fault):
    """Another answer altogether."""

    body: bytes
    content_type: str = "text/html; charset=utf-8"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def change(self, answer: Answer) -> Answer:
        """Answer with the body."""
        del answer
        return Answer(self.status, {"Content-Type": self.content_type, **self.headers}, self.body)


@dataclass(frozen=True)
class WrongContent(Fault):
    """The right number of wrong bytes."""

    def change(self, answer: Answer) -> Answer:
        """Flip every bit."""
        return replace(answer, body=bytes(byte ^ 0xFF for byte in answer.body))


@dataclass(frozen=True)
class StaleSerial(Fault):
    """`X-PyPI-Last-Serial` of an older page; None: the header is missing.

    `FakePypi.freeze` makes the whole page old; this is the header alone.
    """

    serial: int | None

    def change(self, answer: Answer) -> Answer:
        """Write the header anew."""
        headers = {k: v for k, v in answer.headers.items() if k != "X-PyPI-Last-Serial"}
        if self.serial is not None:
            headers["X-PyPI-Last-Serial"] = str(self.serial)
        return replace(answer, headers=headers)


@dataclass(frozen=True)
class GzipBomb(Fault):
    """A small body that unpacks to `size` spaces."""

    size: int = 1 << 30

    def change(self, answer: Answer) -> Answer:
        """Answer with the bomb, under the content type of what it replaces."""
        headers = {**answer.headers, "Content-Encoding": "gzip"}
        return replace(answer, status=200, headers=headers, body=_bomb(self.size))


@lru_cache(maxsize=1)
def _bomb(size: int) -> bytes:
    """Return so many spaces, packed."""
    piece = gzip.compress(b" " * (1 << 20))
    # Members may follow each other (RFC 1952, 2.2).
    return piece * (size >> 20)


@dataclass(frozen=True)
class IgnoreRange(Fault):
    """The whole file in spite of `Range`."""

    unconditional = True


@dataclass(frozen=True)
class WrongRange(Fault):
    """A 206 whose `Content-Range` is not what was asked for."""

    content_range: str = "bytes 1-4/5"

    def change(self, answer: Answer) -> Answer:
        """Write the header anew."""
        return replace(answer.with_headers(Content_Range=self.content_range), status=206)


@dataclass(frozen=True)
class CutBody(Fault):
    """The connection ends after so many bytes of the body."""

    after: int = 10
    closes = True

    def pieces(self, head: bytes, body: bytes, stopping: threading.Event) -> Iterator[bytes]:
        """Write the whole head and a part of the body."""
        del stopping
        yield head + body[: self.after]


@dataclass(frozen=True)
class Slow(Fault):
    """A wait before the answer, and one after every `chunk` bytes of the body."""

    delay: float = 0.0
    chunk: int = 1024
    pause: float = 0.0

    def pieces(self, head: bytes, body: bytes, stopping: threading.Event) -> Iterator[bytes]:
        """Wait, then write, whole or by and by."""
        stopping.wait(self.delay)
        if not self.pause:
            yield head + body
            return
        yield head
        for start in range(0, len(body), self.chunk):
            yield body[start : start + self.chunk]
            if stopping.wait(self.pause):
                return


@dataclass(frozen=True)
class Hang(Fault):
    """Silence: after so many bytes of the body, or (None) before anything."""

    after: int | None = None
    closes = True

    def pieces(self, head: bytes, body: bytes, stopping: threading.Event) -> Iterator[bytes]:
        """Write a part and wait for the end of the server."""
        if self.after is not None:
            yield head + body[: self.after]
        stopping.wait()


@dataclass(frozen=True)
class Drop(Fault):
    """The connection ends without an answer."""

    closes = True

    def pieces(self, head: bytes, body: bytes, stopping: threading.Event) -> Iterator[bytes]:
        """Write nothing."""
        del head, body, stopping
        yield from ()


@dataclass(frozen=True)
class Chunked(Fault):
    """A body in chunks (RFC 9112, 7.1)."""

    def change(self, answer: Answer) -> Answer:
        """Announce the chunks."""
        return answer.with_headers(Transfer_Encoding="chunked")

    def pieces(self, head: bytes, body: bytes, stopping: threading.Event) -> Iterator[bytes]:
        """Write two chunks and the end."""
        del stopping
        middle = len(body) // 2
        yield head + _chunk(body[:middle]) + _chunk(body[middle:]) + b"0\r\n\r\n"


@dataclass(frozen=True)
class CutChunks(Chunked):
    """A body in chunks, of which only the first comes."""

    closes = True

    def pieces(self, head: bytes, body: bytes, stopping: threading.Event) -> Iterator[bytes]:
        """Write one chunk."""
        del stopping
        yield head + _chunk(body[: len(body) // 2])


def _chunk(part: bytes) -> bytes:
    """Return a chunk; an empty one would be the end."""
    return b"%x\r\n%b\r\n" % (len(part), part) if part else b""
