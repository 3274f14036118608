"""Locks between threads and processes, kept by the kernel.

No lock file is ever deleted: a process that holds a deleted file's lock and one that
made the file anew would both believe themselves alone. The kernel drops a lock when
its holder dies, so a kill leaves nothing to clean.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Self

from app.baton import laid_down

_POLL = 0.02
"""Seconds between two tries of a lock that another process holds."""


class LockedError(Exception):
    """Another run holds the lock."""


class LockTimeoutError(Exception):
    """The lock did not come free in time."""


class FileLock:
    """A lock on a whole file, for things of which one may run at a time."""

    def __init__(self, path: Path) -> None:
        """Remember the path; the file is made when the lock is taken."""
        self._path = path
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        """Take the lock at once.

        Raises:
            LockedError: Another process, or another FileLock, holds it.

        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            message = f"{self._path} is locked by another run"
            raise LockedError(message) from error
        self._descriptor = descriptor
        return self

    def __exit__(self, *_: object) -> None:
        """Let the lock go."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class NameLocks:
    """One lock for each name, across the threads and processes that share a file.

    A name's lock is one byte of the file, at an offset that the name's digest gives
    (POSIX record locks, which may lie beyond the end), so any number of names needs
    one file of no size. Record locks belong to the process, so its threads are kept
    apart by a lock of their own, and must share one object: of two, each would let the
    other in, and its end of a lock would be the other's end too.
    """

    def __init__(self, path: Path) -> None:
        """Open the file that the locks live in, for as long as this object lives."""
        path.parent.mkdir(parents=True, exist_ok=True)
        # Closing any descriptor of the file would drop all record locks of the
        # process: it stays open.
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._guard = threading.Lock()
        self._threads: dict[str, tuple[threading.Lock, int]] = {}

    @contextmanager
    def hold(self, name: str, timeout: float) -> Iterator[None]:
        """Hold the lock of a name, waiting for it at most `timeout` seconds.

        Raises:
            LockTimeoutError: Somebody else held it all the time.

        """
        deadline = time.monotonic() + timeout
        lock = self._enter(name)
        try:
            if not _taken(lock, timeout):
                raise LockTimeoutError(_too_long(name, timeout))
            try:
                with self._record(name, deadline, timeout):
                    yield
            finally:
                lock.release()
        finally:
            self._leave(name)

    def _enter(self, name: str) -> threading.Lock:
        with self._guard:
            lock, users = self._threads.get(name, (threading.Lock(), 0))
            self._threads[name] = (lock, users + 1)
            return lock

    def _leave(self, name: str) -> None:
        with self._guard:
            lock, users = self._threads.pop(name)
            if users > 1:
                self._threads[name] = (lock, users - 1)

    @contextmanager
    def _record(self, name: str, deadline: float, timeout: float) -> Iterator[None]:
        offset = int.from_bytes(blake2b(name.encode(), digest_size=8).digest()) >> 2
        while not self._try(offset):
            if time.monotonic() > deadline:
                raise LockTimeoutError(_too_long(name, timeout))
            with laid_down():
                time.sleep(_POLL)
        try:
            yield
        finally:
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, offset)

    def _try(self, offset: int) -> bool:
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, offset)
        except (BlockingIOError, PermissionError):
            return False
        return True


def _taken(lock: threading.Lock, timeout: float) -> bool:
    if lock.acquire(blocking=False):
        return True
    with laid_down():
        return lock.acquire(timeout=timeout)


def _too_long(name: str, timeout: float) -> str:
    return f"{name} was busy for {timeout:g} s"
