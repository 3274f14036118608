"""A file upstream, read here and there: what a wheel's metadata needs of a large wheel."""

import io
from http import HTTPStatus

from app.upstream.body import length_of, raw_pieces
from app.upstream.errors import NoSuchFile, UpstreamUntrusted
from app.upstream.wire import Ask, Wire, judge

_BLOCK = 1 << 16
"""Bytes asked for at once: a wheel's directory and its METADATA mostly lie in the last."""

_MOST_BLOCKS = 256
"""No honest wheel's directory and METADATA take more than 16 MB."""


class RemoteFile(io.RawIOBase):
    """A file read by ranges (RFC 9110, section 14), in blocks that are kept."""

    def __init__(self, wire: Wire, url: str, size: int) -> None:
        """Read a file of so many bytes; nothing is asked for yet."""
        super().__init__()
        self._wire, self._url, self._size = wire, url, size
        self._position = 0
        self._blocks: dict[int, bytes] = {}

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place; before the start is an error, beyond the end is not."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            message = "before the start of the file"
            raise OSError(message)
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        """Return the place."""
        return self._position

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        """Read up to the end of the block.

        Raises:
            NoSuchFile, UpstreamUnavailable, UpstreamUntrusted: As when fetching it whole.

        """
        if self._position >= self._size or not len(buffer):
            return 0
        number, start = divmod(self._position, _BLOCK)
        data = self._block(number)[start : start + len(buffer)]
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            if len(self._blocks) >= _MOST_BLOCKS:
                raise UpstreamUntrusted(self._url, "has its directory all over the file")
            first = number * _BLOCK
            self._blocks[number] = self._fetch(first, min(first + _BLOCK, self._size) - 1)
        return self._blocks[number]

    def _fetch(self, first: int, last: int) -> bytes:
        headers = {"Accept-Encoding": "identity", "Range": f"bytes={first}-{last}"}
        with self._wire.open(Ask(self._url, headers, limit=0), anywhere=True) as response:
            if response.status_code != HTTPStatus.PARTIAL_CONTENT:
                if response.status_code == HTTPStatus.OK:
                    raise UpstreamUntrusted(response.url, "does not know ranges")
                raise judge(response.status_code, response.url, NoSuchFile)
            wanted = f"bytes {first}-{last}/{self._size}"
            length = last + 1 - first
            if response.headers.get("Content-Range") != wanted or length_of(response) != length:
                raise UpstreamUntrusted(response.url, f"answers another part than {wanted}")
            return b"".join(raw_pieces(response, self._wire.meter()))
