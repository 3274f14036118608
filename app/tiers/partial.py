"""Files in the making, and what a file must be."""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from app.names import FilePath, Sha256
from app.tiers.errors import NoRoomError, WrongContentError

PARTIAL = ".part"
"""What every partial file's name ends in."""

SOURCE = ".from"
"""What the name of the note ends in that tells where a partial file comes from."""

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
        self._note = path.with_suffix(SOURCE)
        # Of the bytes up to a place, as they were written.
        self._digest, self._hashed = hashlib.sha256(), 0

    @property
    def size(self) -> int:
        """The bytes that are there already."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def owed(self) -> int:
        """Return the bytes that are not there yet."""
        return max(0, self.content.size - self.size)

    def source(self, url: str) -> str | None:
        """Return the ETag under which a URL gave the bytes; None: others did, or no ETag."""
        try:
            key, etag = self._note.read_text().split("\n")
        except (OSError, ValueError):
            return None
        return etag if key == _key(url) and etag else None

    def note_source(self, url: str, etag: str | None) -> None:
        """Note where the bytes come from, so that another run can go on with them."""
        self._note.write_text(f"{_key(url)}\n{etag or ''}")

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
            self._hash_up_to(stream.fileno(), start)
            stream.seek(start)
            for chunk in chunks:
                self._refuse_longer(self._hashed + len(chunk))
                try:
                    write_all(stream, chunk)
                except OSError as error:
                    self.discard()
                    raise NoRoomError(f"cannot write {self.path}: {error.strerror}") from error
                self._digest.update(chunk)
                self._hashed += len(chunk)

    def confirm(self, digest: str) -> None:
        """Check the digest of what was written.

        Raises:
            WrongContentError: It is another than the index says; the file is deleted.

        """
        if digest != self.content.sha256:
            self.discard()
            message = f"its SHA-256 is {digest}, the index says {self.content.sha256}"
            raise WrongContentError(message)

    def check(self) -> None:
        """Check size and digest, set the modification time, and flush.

        Raises:
            WrongContentError: The content is another; the file is deleted.

        """
        with self.path.open("rb") as stream:
            self._hash_up_to(stream.fileno(), self.size)
            self.confirm(self._digest.hexdigest())
            if self.content.mtime is not None:
                os.utime(stream.fileno(), (self.content.mtime, self.content.mtime))
            os.fsync(stream.fileno())

    def discard(self) -> None:
        """Delete the partial file."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def place(self, target: Path) -> None:
        """Give the file its name."""
        self.path.replace(target)
        self._note.unlink(missing_ok=True)

    def _hash_up_to(self, descriptor: int, end: int) -> None:
        """Hash what earlier tries have left, unless it went through here."""
        if self._hashed == end:
            return
        self._digest, self._hashed = hashlib.sha256(), 0
        while self._hashed < end:
            block = os.pread(descriptor, min(_BLOCK, end - self._hashed), self._hashed)
            if not block:
                return
            self._digest.update(block)
            self._hashed += len(block)

    def _refuse_longer(self, size: int) -> None:
        if size > self.content.size:
            self.discard()
            message = f"it is longer than the {self.content.size} bytes that the index says"
            raise WrongContentError(message)


def digest_of(path: Path) -> Sha256:
    """Return the SHA-256 of a file on the disk."""
    with path.open("rb") as stream:
        return Sha256(hashlib.file_digest(stream, "sha256").hexdigest())


def partial_name(path: FilePath) -> str:
    """Return what a file's partial file is called."""
    return hashlib.blake2b(path.encode(), digest_size=16).hexdigest() + PARTIAL


def _key(url: str) -> str:
    """Return what stands for a URL; in full it may hold a password."""
    return hashlib.blake2b(url.encode(), digest_size=16).hexdigest()


def write_all(stream: FileIO, chunk: bytes | memoryview) -> None:
    """Write a chunk without a buffer, however many writes the kernel makes of it."""
    rest = memoryview(chunk)
    while rest:
        rest = rest[stream.write(rest) :]
