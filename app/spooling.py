"""Taking in the spool: votes that nginx wrote while the application was away.

Where the reading stands is in the store, in the transaction that counts the votes, so
a kill in between neither loses nor repeats anything. A spool that has grown is set
aside under another name; what nginx still writes to it until it reopens its logs is
read before it is deleted.
"""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.clients import network_id
from app.locks import FileLock, LockedError
from app.model import Vote
from app.spool import parse_spool_line
from app.store import Store

_BATCH = 1 << 20
"""Bytes read, and then counted in one transaction."""

_ROTATE_AT = 64 << 20
"""Bytes after which a spool that is read to its end is set aside."""

_SETTLED = 60
"""Seconds after which nginx has surely reopened its logs."""


@dataclass(frozen=True, slots=True)
class Spool:
    """nginx's spool file, and the one that was set aside before it."""

    path: Path
    store: Store
    # Seconds in which a network's repeated votes for a file count once.
    window: int
    # The process id of nginx's master, to have it reopen its logs.
    nginx_pid: Path

    def pending(self) -> int:
        """Return how many bytes have not been read yet."""
        return sum(
            max(0, path.stat().st_size - self.store.spool_position(path.stat().st_ino))
            for path in self._files()
        )

    def read(self) -> int:
        """Count all votes that are there; return how many opened a window.

        Somebody else's reading is left alone: it counts the same votes.
        """
        try:
            with FileLock(self.path.with_suffix(".lock")):
                counted = sum(self._read(path) for path in self._files())
                self._tidy()
                return counted
        except LockedError:
            return 0

    @property
    def _aside(self) -> Path:
        return self.path.with_suffix(".aside")

    def _files(self) -> list[Path]:
        return [path for path in (self._aside, self.path) if path.exists()]

    def _read(self, path: Path) -> int:
        counted = 0
        key = self.store.network_key()
        with path.open("rb") as stream:
            inode = os.fstat(stream.fileno()).st_ino
            stream.seek(self._start(inode, os.fstat(stream.fileno()).st_size))
            while lines := stream.readlines(_BATCH):
                if not lines[-1].endswith(b"\n"):
                    # nginx is in the middle of it, or a full disk has torn it.
                    stream.seek(-len(lines.pop()), os.SEEK_CUR)
                    if not lines:
                        break
                votes = list(_votes(lines, key))
                counted += self.store.add_spooled(votes, self.window, inode, stream.tell())
        return counted

    def _start(self, inode: int, size: int) -> int:
        position = self.store.spool_position(inode)
        # A file shorter than what was read of it is another file with an old number.
        return position if position <= size else 0

    def _tidy(self) -> None:
        """Delete the file that was set aside, or set the current one aside."""
        if self._aside.exists():
            stat = self._aside.stat()
            if time.time() - stat.st_ctime > _SETTLED:
                self._aside.unlink()
                self.store.forget_spool(stat.st_ino)
        elif self.path.exists() and self.path.stat().st_size > _ROTATE_AT:
            self.path.rename(self._aside)
            self._reopen()

    def _reopen(self) -> None:
        """Have nginx open a new spool (its signal for that is USR1)."""
        try:
            os.kill(int(self.nginx_pid.read_text()), signal.SIGUSR1)
        except (FileNotFoundError, ValueError, ProcessLookupError):
            return


def _votes(lines: list[bytes], key: bytes) -> Iterator[Vote]:
    for line in lines:
        found = parse_spool_line(line)
        if found is not None:
            yield Vote(found.path, network_id(key, found.network), int(found.time))
