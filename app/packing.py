"""Packing pages once, where they are written, so that nginx need not (gzip, RFC 1952)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from isal import isal_zlib

# As small as zlib's level 5 within a few percent, in a sixth of its time. A higher level
# of this library is slower, and no smaller.
_LEVEL = 2
_GZIP = 16 + isal_zlib.MAX_WBITS
"""What has the library write the format of gzip: without a name or a time, so that the
same page is the same bytes."""


def pack(body: bytes) -> bytes:
    """Return a whole document, packed."""
    packer = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _GZIP)
    return packer.compress(body) + packer.flush()


@contextmanager
def packing(stream: BinaryIO) -> Iterator[Callable[[bytes], None]]:
    """Hand out what packs a document into a stream, piece by piece."""
    packer = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _GZIP)

    def write(chunk: bytes) -> None:
        stream.write(packer.compress(chunk))

    yield write
    stream.write(packer.flush())
