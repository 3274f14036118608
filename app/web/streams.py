"""Passing a file through this process, where upstream is behind an HTTP proxy."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Protocol

import falcon

from app.upstream import FileBody
from app.web.decisions import Desk
from app.web.files import path_of
from app.web.places import Places
from app.web.ranges import Wanted, parse_range

_BYTES = "application/octet-stream"


class FileHost(Protocol):
    """Where files come from: `app.upstream.Upstream`. Both may raise UpstreamError."""

    def open_file(
        self, url: str, start: int = 0, etag: str | None = None
    ) -> AbstractContextManager[FileBody]:
        """Open a file from an offset on; the whole, where its ETag is another."""
        ...

    def file_size(self, url: str) -> int | None:
        """Return a file's size, where it is told."""
        ...


class StreamResource:
    """`/streams/{path}`: upstream's bytes, as they come."""

    def __init__(self, desk: Desk, host: FileHost, places: Places) -> None:
        """Let the desk say where a file is; at most so many pass at once."""
        self._desk, self._host, self._places = desk, host, places

    def on_head(self, _req: falcon.Request, resp: falcon.Response, **segments: str) -> None:
        """Answer with the size alone."""
        url = self._desk.source(path_of(segments))
        with self._places.one():
            size = self._host.file_size(url)
        resp.content_type = _BYTES
        resp.set_header("Accept-Ranges", "bytes")
        if size is not None:
            resp.content_length = size

    def on_get(self, req: falcon.Request, resp: falcon.Response, **segments: str) -> None:
        """Answer with the file, or with one range of it."""
        url = self._desk.source(path_of(segments))
        wanted, etag = _wanted(req)
        with ExitStack() as stack:
            stack.enter_context(self._places.one())
            start = self._first_byte(url, wanted)
            body = stack.enter_context(self._host.open_file(url, start, etag))
            first, last = _answer(resp, body, wanted, etag)
            length = None if last is None else last - first + 1
            # From here on the server closes it, however the answer ends.
            resp.stream = _Passing(_at_most(body.chunks(), length), stack.pop_all())
        if length is not None:
            resp.content_length = length

    def _first_byte(self, url: str, wanted: Wanted | None) -> int:
        if wanted is None:
            return 0
        if wanted.suffix is None:
            return wanted.first
        total = self._host.file_size(url)
        return 0 if total is None else max(0, total - wanted.suffix)


class _Passing:
    """A body, and what is to be given back after it: also when it was never begun."""

    def __init__(self, chunks: Iterator[bytes], after: ExitStack) -> None:
        self._chunks, self._after = chunks, after

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._chunks)

    def close(self) -> None:
        """Give everything back (PEP 3333: the server calls it)."""
        self._after.close()


def _wanted(req: falcon.Request) -> tuple[Wanted | None, str | None]:
    """Return the range, and the ETag it depends on (RFC 9110, section 13.1.5)."""
    wanted, condition = parse_range(req.get_header("Range")), req.get_header("If-Range")
    if condition and not condition.startswith('"'):
        # A date, or a weak tag, which never matches: the whole is always right.
        return None, None
    return wanted, condition or None


def _answer(
    resp: falcon.Response, body: FileBody, wanted: Wanted | None, etag: str | None
) -> tuple[int, int | None]:
    """Set status and headers; return the first and last byte that go out."""
    resp.content_type = body.content_type or _BYTES
    resp.set_header("Accept-Ranges", "bytes")
    for name, value in (("ETag", body.etag), ("Last-Modified", body.last_modified)):
        if value:
            resp.set_header(name, value)
    last = None if body.total is None else body.total - 1
    if wanted is None or body.total is None or (etag and etag != body.etag):
        return 0, last
    span = wanted.within(body.total)
    if span is None:
        raise falcon.HTTPRangeNotSatisfiable(body.total)
    if span[0] != body.start:
        # Upstream takes no ranges, and sends the whole.
        return 0, last
    resp.status = falcon.HTTP_206
    resp.set_header("Content-Range", f"bytes {span[0]}-{span[1]}/{body.total}")
    return span


def _at_most(chunks: Iterator[bytes], length: int | None) -> Iterator[bytes]:
    """Yield so many bytes, or all."""
    left = length
    for chunk in chunks:
        if left is None:
            yield chunk
            continue
        yield chunk[:left]
        left -= len(chunk)
        if left <= 0:
            return
