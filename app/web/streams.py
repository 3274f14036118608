"""Passing a file through this process: where nginx cannot, or has failed to."""

import re
from collections.abc import Iterator
from contextlib import ExitStack

import falcon

from app.targets import Failure, Kind
from app.upstream import FileBody, failure_by
from app.web.decisions import Desk
from app.web.errors import TooBusyError
from app.web.files import REDIRECT_HEADER, WAIT_HEADER, path_of
from app.web.opening import NowhereError, Opener, Tried
from app.web.places import Places
from app.web.ranges import Wanted, parse_range

_BYTES = "application/octet-stream"

# What nginx says of its own try, where it had one.
FAILED_HEADER = "X-Larder-Failed"
"""The statuses of all that it asked, the last one upstream's, or its own for upstream's."""

ANSWERED_HEADER = "X-Larder-Answered"
"""How long the answers took to begin; `-` where there was none."""

TARGET_HEADER = "X-Larder-Target"
"""The place of files."""

RETRY_HEADER = "X-Larder-Retry-After"
"""Upstream's Retry-After."""

_STATUS = re.compile(r"(\d{3})\s*$")
_REDIRECTED = range(300, 400)
_ABSENT = frozenset({404, 410})


class StreamResource:
    """`/streams/{path}`: upstream's bytes, as they come."""

    def __init__(self, desk: Desk, opener: Opener, places: Places) -> None:
        """Let the desk say where a file is; at most so many pass at once."""
        self._desk, self._opener, self._places = desk, opener, places

    def on_head(self, req: falcon.Request, resp: falcon.Response, **segments: str) -> None:
        """Answer with the size alone."""
        text, tried = path_of(segments), self._tried(req)
        try:
            with self._places.one():
                size = self._opener.size(text, tried)
        except (NowhereError, TooBusyError):
            send_on(resp, self._desk, text, tried)
            return
        resp.content_type = _BYTES
        resp.set_header("Accept-Ranges", "bytes")
        if size is not None:
            resp.content_length = size

    def on_get(self, req: falcon.Request, resp: falcon.Response, **segments: str) -> None:
        """Answer with the file, or with one range of it."""
        text, tried = path_of(segments), self._tried(req)
        wanted, etag = _wanted(req)
        try:
            with ExitStack() as stack:
                stack.enter_context(self._places.one())
                start = self._first_byte(text, wanted, tried)
                body = stack.enter_context(self._opener.open(text, tried, start, etag))
                first, last = _answer(resp, body, wanted, etag)
                length = None if last is None else last - first + 1
                # From here on the server closes it, however the answer ends.
                resp.stream = Passing(_at_most(body.chunks(), length), stack.pop_all())
        except (NowhereError, TooBusyError):
            send_on(resp, self._desk, text, tried)
            return
        if length is not None:
            resp.content_length = length

    def _first_byte(self, text: str, wanted: Wanted | None, tried: Tried) -> int:
        if wanted is None:
            return 0
        if wanted.suffix is None:
            return wanted.first
        total = self._opener.size(text, tried)
        return 0 if total is None else max(0, total - wanted.suffix)

    def _tried(self, req: falcon.Request) -> Tried:
        """Return what nginx has tried already; and learn from it."""
        tried = Tried()
        match = _STATUS.search(req.get_header(FAILED_HEADER) or "")
        if match is None:
            return tried
        status, place = int(match[1]), req.get_header(TARGET_HEADER) or ""
        if status in _REDIRECTED:
            # nginx follows none: where they lead has to be looked at.
            return tried
        if status in _ABSENT:
            self._opener.failed(place, None, tried)
            return tried
        answered = not (req.get_header(ANSWERED_HEADER) or "").rstrip().endswith("-")
        failure = failure_by(status, req.get_header(RETRY_HEADER)) or Failure(Kind.BROKEN)
        if not answered and failure.kind is Kind.SERVER_ERROR:
            failure = Failure(Kind.CONNECTION)
        self._opener.failed(place, failure, tried)
        if failure.kind is Kind.TIMEOUT:
            # The client has waited for it long enough.
            tried.refused.add(place)
        return tried


def send_on(resp: falcon.Response, desk: Desk, text: str, tried: Tried) -> None:
    """Answer a request that this machine could not serve: elsewhere, later, or never."""
    if tried.absent and not tried.failed:
        raise falcon.HTTPNotFound(description="Upstream has no such file.")
    url = desk.way_out(text, frozenset(tried.refused))
    resp.status = falcon.HTTP_204
    if url is None:
        resp.set_header("X-Accel-Redirect", "@nowhere")
        resp.set_header(WAIT_HEADER, str(desk.targets.retry_after()))
        return
    resp.set_header("X-Accel-Redirect", "@sent_on")
    resp.set_header(REDIRECT_HEADER, url)


class Passing:
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
