"""Files in the making, and what a file must be."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from app.names import FilePath, Sha256
from app.tiers.errors import NoRoomError, WrongContentError

PARTIAL = ".part"
"""What every partial file's name ends in."""

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Content:
    """What a file must be."""

    sha256: Sha256
    size: int
    # Seconds since the epoch; with the size it makes the ETag that nginx gives.
    mtime: int | None


class Partial:
    """A file in the making: appended to, checked, and then placed by its folder."""

    def __init__(self, path: Path, content: Content) -> None:
        """Use a partial file that may have bytes of an earlier try."""
        self.path = path
        self.content = content

    @property
    def size(self) -> int:
        """The bytes that are there already."""
        return self.path.stat().st_size if self.path.exists() else 0

    def write(self, chunks: Iterable[bytes], start: int) -> None:
        """Write chunks from an offset on, and drop what an earlier try had behind it.

        Raises:
            WrongContentError: There are more bytes than the index promises; the file
                is deleted.
            NoRoomError: The disk is full; the file is deleted, to keep it so no longer.

        """
        # Without a buffer a full disk is met here, and not when the file is closed.
        with self.path.open("r+b" if self.path.exists() else "w+b", buffering=0) as stream:
            stream.truncate(start)
            stream.seek(start)
            for chunk in chunks:
                self._refuse_longer(stream.tell() + len(chunk))
                try:
                    _write_all(stream, chunk)
                except OSError as error:
                    self.discard()
                    raise NoRoomError(f"cannot write {self.path}: {error.strerror}") from error

    def check(self) -> None:
        """Check size and digest, set the modification time, and flush.

        Raises:
            WrongContentError: The content is another; the file is deleted.

        """
        with self.path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            if digest != self.content.sha256:
                self.discard()
                message = f"its SHA-256 is {digest}, the index says {self.content.sha256}"
                raise WrongContentError(message)
            if self.content.mtime is not None:
                os.utime(stream.fileno(), (self.content.mtime, self.content.mtime))
            os.fsync(stream.fileno())

    def discard(self) -> None:
        """Delete the partial file."""
        self.path.unlink(missing_ok=True)

    def _refuse_longer(self, size: int) -> None:
        if size > self.content.size:
            self.discard()
            message = f"it is longer than the {self.content.size} bytes that the index says"
            raise WrongContentError(message)


def copy(source: Path, partial: Partial, stopping: Callable[[], bool]) -> bool:
    """Copy a held file into a partial one and check it there.

    Return False, with nothing placed, when `stopping` said so in between.

    Raises:
        WrongContentError: The source is rotten, or the copy went wrong.
        NoRoomError: The disk is full.

    """
    with source.open("rb") as stream:
        blocks = iter(lambda: b"" if stopping() else stream.read(_BLOCK), b"")
        partial.write(blocks, 0)
    if stopping():
        partial.discard()
        return False
    partial.check()
    shutil.copystat(source, partial.path)
    return True


def digest_of(path: Path) -> Sha256:
    """Return the SHA-256 of a file on the disk."""
    with path.open("rb") as stream:
        return Sha256(hashlib.file_digest(stream, "sha256").hexdigest())


def partial_name(path: FilePath) -> str:
    """Return what a file's partial file is called."""
    return hashlib.blake2b(path.encode(), digest_size=16).hexdigest() + PARTIAL


def _write_all(stream: FileIO, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[stream.write(rest) :]
