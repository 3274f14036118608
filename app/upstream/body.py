"""Reading a body: bounded, whole, and unpacked no further than it may be."""

import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError

from app.pacing import Pace
from app.pages import values
from app.upstream.errors import CutBodyError, UpstreamUnavailable, UpstreamUntrusted

_PIECE = 1 << 16
# zlib's name for "a gzip header is expected" (RFC 1952).
_GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a body may be, and how long it may take."""

    size: int
    seconds: float


class Meter:
    """Has a body come no faster than a pace allows, and knows how long that held it up."""

    def __init__(self, pace: Pace) -> None:
        """Share a pace with every other body."""
        self._pace = pace
        self.waited = 0.0

    def take(self, count: int) -> None:
        """Wait until so many bytes may have come."""
        began = time.monotonic()
        self._pace.take(count)
        self.waited += time.monotonic() - began


def raw_pieces(response: requests.Response, meter: Meter, size: int = _PIECE) -> Iterator[bytes]:
    """Yield a body as it comes over the wire, at most `size` bytes at a time.

    Raises:
        CutBodyError: It is shorter than its Content-Length, or its last chunk is missing.
        UpstreamUnavailable: The other side fell silent.

    """
    try:
        # What is there already, so that a slow body can be given up in between.
        while piece := response.raw.read1(size, decode_content=False):
            meter.take(len(piece))
            yield piece
    except ReadTimeoutError as error:
        silent = UpstreamUnavailable(response.url, "fell silent in the middle")
        silent.timed_out = True
        raise silent from error
    except (HTTPError, OSError) as error:
        # urllib3 has counted.
        raise CutBodyError(response.url, "broke off in the middle") from error


def pieces(response: requests.Response, bounds: Bounds, meter: Meter) -> Iterator[bytes]:
    """Yield a page's body, unpacked; what our own pace takes is not held against it.

    Raises:
        UpstreamUntrusted: It is larger, or packed otherwise, than it may be.
        UpstreamUnavailable: It takes too long.
        CutBodyError: It ends early.

    """
    end = time.monotonic() + bounds.seconds
    total = 0
    for piece in _unpacked(response, meter):
        total += len(piece)
        if total > bounds.size:
            raise UpstreamUntrusted(response.url, f"has more than {bounds.size} bytes")
        if time.monotonic() - meter.waited > end:
            raise UpstreamUnavailable(response.url, f"took more than {bounds.seconds:.0f} seconds")
        yield piece


def _unpacked(response: requests.Response, meter: Meter) -> Iterator[bytes]:
    """Undo the only Content-Encoding that was asked for."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in {"identity", ""}:
        return raw_pieces(response, meter)
    if encoding in {"gzip", "x-gzip"}:
        return _gunzip(response, meter)
    raise UpstreamUntrusted(response.url, f"came packed as {encoding[:20]!r}")


def _gunzip(response: requests.Response, meter: Meter) -> Iterator[bytes]:
    """Unpack piece by piece, so that a bomb never lies unpacked in memory."""
    unpacker = zlib.decompressobj(_GZIP)
    begun = False
    try:
        for packed in raw_pieces(response, meter):
            rest = packed
            while rest:
                if unpacker.eof:
                    # One member may follow another (RFC 1952, 2.2).
                    unpacker = zlib.decompressobj(_GZIP)
                begun = True
                yield unpacker.decompress(rest, _PIECE)
                rest = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
    except zlib.error as error:
        raise UpstreamUntrusted(response.url, "is not the gzip that it says it is") from error
    if begun and not unpacker.eof:
        raise CutBodyError(response.url, "broke off in the middle of its gzip")


def length_of(response: requests.Response) -> int | None:
    """Return Content-Length, where it counts (RFC 9112, 6.3)."""
    if "Transfer-Encoding" in response.headers:
        return None
    return values.digits(response.headers.get("Content-Length", ""))


def drain(response: requests.Response) -> None:
    """Read the rest of a small answer, so that the connection can be used again."""
    try:
        response.raw.read(_PIECE, decode_content=False)
    except (HTTPError, OSError):
        # Then it is closed, as the caller does next.
        return
