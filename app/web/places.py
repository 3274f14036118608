"""How many requests may wait for upstream at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from app.web.errors import TooBusyError


class Places:
    """A bounded number of places: the threads beyond it stay free for quick answers.

    Else an upstream that does not answer would, one new project after the other, take
    every thread, and votes and decisions with them.
    """

    def __init__(self, count: int, patience: float) -> None:
        """Let in `count` at once; whoever comes then waits `patience` seconds."""
        self._free = threading.BoundedSemaphore(count)
        self._patience = patience

    def take(self) -> None:
        """Take a place, to be given back with `give_back`.

        Raises:
            TooBusyError: None came free in time.

        """
        if not self._free.acquire(timeout=self._patience):
            raise TooBusyError("too many requests are waiting for upstream")

    def give_back(self) -> None:
        """Give a place back."""
        self._free.release()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold a place; raises TooBusyError as `take` does."""
        self.take()
        try:
            yield
        finally:
            self.give_back()
