"""When `up` has its children begin anew with their files: a new certificate, or a signal."""

import signal
import sys
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


class Wishes:
    """The signals that ask a running `up` for something, noted until somebody looks.

    USR1 asks for new log files, as nginx's own master takes it; HUP that everything is read
    again, but on a terminal, where it means that the terminal is gone and ends the process
    as ever.
    """

    def __init__(self) -> None:
        """Nobody has asked yet."""
        self._came: set[int] = set()

    def came(self, number: signal.Signals) -> bool:
        """Whether a signal came since the last question."""
        if number not in self._came:
            return False
        # Before what it asks for is done: one that comes meanwhile asks again.
        self._came.discard(number)
        return True

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Catch them."""
        on_terminal = sys.stdin is not None and sys.stdin.isatty()
        numbers = [signal.SIGUSR1] if on_terminal else [signal.SIGUSR1, signal.SIGHUP]
        before = {number: signal.signal(number, self._note) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._came.add(number)
