"""Taking in a spool: what nginx writes, line by line, for somebody to count.

Where the reading stands is in the store, in the transaction that counts the lines, so
a kill in between neither loses nor repeats anything. It is noted by what the file begins
with, not by its inode's number, which the filesystem gives to another file. A spool that
has grown is set aside under another name; what nginx still writes to it until it reopens
its logs is read before it is deleted. Beside it may lie what the application left when it
ended; that is deleted once it is read.
"""

import os
import secrets
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, Protocol

from app.locks import FileLock, LockedError
from app.model import Vote
from app.spool import spool_line

_BATCH = 1 << 20
"""Bytes read, and then counted in one transaction."""

_HEAD = 4096
"""Bytes that a first line has at most; one of nginx's has some 500."""

_SHORTEST = 32
"""Bytes; what is shorter is no line of nginx's, and may be at the head of several files."""

_ROTATE_AT = 64 << 20
"""Bytes after which a spool that is read to its end is set aside."""

_LEFT = "left-"
"""How files of the application's begin."""

_SETTLED = 60
"""Seconds after which nginx's workers, too, have surely reopened their logs."""


class Intake(Protocol):
    """Who counts the lines (`app.intakes`); all of it may raise StoreError."""

    def position(self, mark: int) -> int:
        """Return how far a file is read, in bytes."""
        ...

    def take(self, lines: Sequence[bytes], mark: int, position: int) -> int:
        """Count lines, and note how far that is, in one transaction; return how many counted."""
        ...

    def forget(self, mark: int) -> None:
        """Forget a file that is deleted."""
        ...


@dataclass(frozen=True, slots=True)
class Spool:
    """nginx's spool file, and the one that was set aside before it."""

    path: Path
    intake: Intake
    # The process id of nginx's master, to have it reopen its logs.
    nginx_pid: Path
    clock: Callable[[], float] = time.time

    def pending(self) -> int:
        """Return how many bytes have not been read yet."""
        total = 0
        for path in (*self._files(), *self._left()):
            # Somebody may have read it to its end since.
            with suppress(FileNotFoundError), path.open("rb") as stream:
                mark = _mark_of(stream)
                size = os.fstat(stream.fileno()).st_size
                total += max(0, size - self.intake.position(mark)) if mark else 0
        return total

    def read(self) -> int:
        """Count all lines that are there; return how many counted.

        Somebody else's reading is left alone: it counts the same lines.
        """
        try:
            with FileLock(self.path.with_suffix(".lock")):
                counted = sum(self._read(path) for path in self._files())
                self._tidy()
                for path in self._left():
                    counted += self._read(path)
                    self._delete(path)
                self._sweep()
                return counted
        except LockedError:
            return 0

    @property
    def _aside(self) -> Path:
        return self.path.with_suffix(".aside")

    def _files(self) -> list[Path]:
        return [path for path in (self._aside, self.path) if path.is_file()]

    def leave(self, votes: Sequence[Vote]) -> None:
        """Leave votes behind that the database could not take, for whoever reads the spool.

        Raises:
            OSError: The disk does not take them; nothing is left then.

        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        partial = self.path.parent / f"{_LEFT}{self.path.stem}-{name}.new"
        try:
            with partial.open("xb") as stream:
                stream.writelines(spool_line(vote, name) for vote in votes)
                stream.flush()
                os.fsync(stream.fileno())
            # Read by others from here on, and whole.
            partial.rename(partial.with_suffix(self.path.suffix))
        except OSError:
            partial.unlink(missing_ok=True)
            raise

    def _sweep(self) -> None:
        """Delete what a killed process had begun to leave: its votes are counted as lost."""
        for partial in self.path.parent.glob(f"{_LEFT}{self.path.stem}-*.new"):
            # It may be renamed in between: then it is whole.
            with suppress(FileNotFoundError):
                if self.clock() - partial.stat().st_mtime > _SETTLED:
                    partial.unlink()

    def _left(self) -> list[Path]:
        return sorted(self.path.parent.glob(f"{_LEFT}{self.path.stem}-*{self.path.suffix}"))

    def _read(self, path: Path) -> int:
        counted = 0
        with path.open("rb") as stream:
            mark = _mark_of(stream)
            if mark is None:
                return 0
            stream.seek(self._start(stream, mark))
            while lines := _whole_lines(stream):
                counted += self.intake.take(lines, mark, stream.tell())
        return counted

    def _start(self, stream: BinaryIO, mark: int) -> int:
        """Return where to go on; in a file that was cut, at its new end."""
        position = self.intake.position(mark)
        size = os.fstat(stream.fileno()).st_size
        if position > size:
            self.intake.take((), mark, size)
        return min(position, size)

    def _tidy(self) -> None:
        """Delete the file that was set aside, or set the current one aside."""
        if not self._aside.exists():
            if self.path.is_file() and self.path.stat().st_size > _ROTATE_AT:
                self.path.rename(self._aside)
                self._reopen()
        elif not self.path.exists():
            # nginx has not begun a new one, so it writes to the old one still.
            self._reopen()
        elif self.clock() - self._aside.stat().st_ctime > _SETTLED and not self.pending():
            self._delete(self._aside)

    def _delete(self, path: Path) -> None:
        """Delete a file that is read to its end, and what is known of it."""
        with path.open("rb") as stream:
            mark = _mark_of(stream)
        path.unlink()
        if mark:
            self.intake.forget(mark)

    def _reopen(self) -> None:
        """Have nginx open a new spool (its signal for that is USR1)."""
        try:
            number = int(self.nginx_pid.read_text())
            # A killed nginx leaves its number, which may be somebody else's by now; and
            # USR1 ends whoever does not know it.
            if Path(f"/proc/{number}/comm").read_text().strip() == "nginx":
                os.kill(number, signal.SIGUSR1)
        except (OSError, ValueError):
            return


def _mark_of(stream: BinaryIO) -> int | None:
    """Return the number of a file that begins as this one does; None until it has a line.

    The first line has a time in milliseconds, and a network and a path, or a connection and
    how it was answered: no two spools begin alike, but for copies of one.
    """
    stream.seek(0)
    head = stream.read(_HEAD)
    end = head.find(b"\n", _SHORTEST)
    if end < 0 and len(head) < _HEAD:
        return None
    line = head[:end] if end >= 0 else head
    # 63 bits: a positive number in every database.
    return int.from_bytes(blake2b(line, digest_size=8).digest()) >> 1 or 1


def _whole_lines(stream: BinaryIO) -> list[bytes]:
    """Read the next lines; the one that is not ended yet is left for the next time."""
    block = stream.read(_BATCH)
    whole = block.rfind(b"\n") + 1
    if not whole and len(block) == _BATCH:
        # No line of ours is so long: it is passed over, piece by piece.
        return [b""]
    stream.seek(whole - len(block), os.SEEK_CUR)
    return block[:whole].splitlines()
