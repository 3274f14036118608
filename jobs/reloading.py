"""When `up` has its children read their files again: a new certificate, or SIGHUP."""

import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

_Look = tuple[tuple[int, int, int] | None, ...]


class Watched:
    """Files that somebody replaces now and then, as whoever renews certificates does."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Take the files as they are now for known."""
        self._paths = paths
        self._known = self._last = self._look()

    def changed(self) -> bool:
        """Whether they are others than at the last yes, and as they were at the last look.

        So certificate and key that are written one after the other are mostly one change.
        """
        look, before = self._look(), self._last
        self._last = look
        if look == self._known or look != before:
            return False
        self._known = look
        return True

    def _look(self) -> _Look:
        return tuple(_look_at(path) for path in self._paths)


def _look_at(path: Path) -> tuple[int, int, int] | None:
    try:
        # Of the file that a link leads to: certbot changes links.
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


class Hangup:
    """SIGHUP, as the wish that everything is read again.

    On a terminal it means that the terminal is gone, and ends the process as ever.
    """

    def __init__(self) -> None:
        """Nobody has asked yet."""
        self._event = threading.Event()

    def asked(self) -> bool:
        """Whether a signal came since the last question."""
        asked = self._event.is_set()
        self._event.clear()
        return asked

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Catch SIGHUP where there is no terminal."""
        if sys.stdin is not None and sys.stdin.isatty():
            yield
            return
        before = signal.signal(signal.SIGHUP, self._note)
        try:
            yield
        finally:
            signal.signal(signal.SIGHUP, before)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self._event.set()
