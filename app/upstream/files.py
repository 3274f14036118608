"""Files: whole or from an offset, streamed, and their sizes."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

import requests

from app.upstream.body import Meter, length_of, raw_pieces
from app.upstream.errors import NoSuchFile, UpstreamUntrusted
from app.upstream.wire import Ask, Wire, judge

_CHUNK = 1 << 18
# RFC 9110, 14.4: "bytes 100-199/200", "bytes 100-199/*"; "bytes */200" with a 416.
_CONTENT_RANGE = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)")
# Object stores sign an URL for GET alone, and some servers know no HEAD.
_NO_HEAD = frozenset(
    {HTTPStatus.FORBIDDEN, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED}
)


@dataclass(frozen=True, slots=True)
class FileBody:
    """A file that is being answered."""

    status: int
    # The offset of the first byte: 0 where upstream sends the whole in spite of Range.
    start: int
    # The size of the whole file, where upstream says it.
    total: int | None
    etag: str | None
    content_type: str | None
    last_modified: str | None
    _response: requests.Response = field(repr=False)
    _meter: Meter = field(repr=False)

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes from `start` on, as they are, whatever Content-Encoding says.

        Raises:
            CutBodyError: They end early.
            UpstreamUnavailable: They stop coming.

        """
        if self.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            # Asked for what follows the last byte: there is nothing more.
            return iter(())
        return raw_pieces(self._response, self._meter, _CHUNK)


@contextmanager
def open_file(wire: Wire, url: str, start: int, etag: str | None) -> Iterator[FileBody]:
    """Answer a file from an offset on; see `Upstream.open_file`."""
    with wire.open(_ask(url, start, etag), anywhere=True) as response:
        if not _ends_before(response, start):
            yield _body(response, start, wire.meter())
            return
    # What the caller has is longer than the file, so it is of another one.
    with wire.open(_ask(url, 0, None), anywhere=True) as response:
        yield _body(response, 0, wire.meter())


def file_size(wire: Wire, url: str) -> int | None:
    """Return a file's size; see `Upstream.file_size`."""
    with wire.open(_ask(url, 0, None, method="HEAD"), anywhere=True) as response:
        if response.status_code == HTTPStatus.OK:
            return length_of(response)
        if response.status_code not in _NO_HEAD:
            raise judge(response.status_code, response.url, NoSuchFile)
    with open_file(wire, url, 0, None) as body:
        return body.total


def _ask(url: str, start: int, etag: str | None, method: str = "GET") -> Ask:
    """Return the question for a file; packed, it would have another length."""
    headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        # RFC 9110, 13.1.5: a weak validator must not be sent.
        if etag is not None and not etag.startswith("W/"):
            headers["If-Range"] = etag
    return Ask(url, headers, limit=0, method=method)


def _ends_before(response: requests.Response, start: int) -> bool:
    """Say whether the file ends before the offset, and not just there."""
    if response.status_code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not start:
        return False
    match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    return match is None or match[3] != str(start)


def _body(response: requests.Response, start: int, meter: Meter) -> FileBody:
    """Return the answer as a body."""
    status = response.status_code
    if status == HTTPStatus.OK:
        return _found(response, meter, 0, length_of(response))
    if status == HTTPStatus.PARTIAL_CONTENT:
        return _found(response, meter, start, _total(response, start))
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and start:
        return _found(response, meter, start, start)
    raise judge(status, response.url, NoSuchFile)


def _total(response: requests.Response, start: int) -> int | None:
    """Return the size that a 206 speaks of, if it is the rest from `start` on."""
    text = response.headers.get("Content-Range", "")
    match = _CONTENT_RANGE.fullmatch(text)
    if match is None or match[1] is None or int(match[1]) != start or not start:
        raise UpstreamUntrusted(response.url, f"answers the range {text[:60]!r}, not {start}-")
    if match[3] == "*":
        return None
    if int(match[2]) + 1 != int(match[3]):
        raise UpstreamUntrusted(response.url, f"answers the range {text[:60]!r}, not the rest")
    return int(match[3])


def _found(response: requests.Response, meter: Meter, start: int, total: int | None) -> FileBody:
    """Return a body with what the headers say."""
    headers = response.headers
    return FileBody(
        status=response.status_code,
        start=start,
        total=total,
        etag=headers.get("ETag"),
        content_type=headers.get("Content-Type"),
        last_modified=headers.get("Last-Modified"),
        _response=response,
        _meter=meter,
    )
