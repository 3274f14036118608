"""How many requests may wait for upstream at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from app.web.errors import TooBusyError

QUEUE = 48
"""How many may wait for a place. uv asks for fifty projects at once, and those of a
first installation are all new. Each waits in a thread of its own."""

READERS = 64
"""Who reads behind a download that others share takes a thread and 64 KB for as long as it
takes to read; of those beyond, each is passed through by nginx alone."""


class Places:
    """A bounded number of places: the threads beyond it stay free for quick answers.

    Else an upstream that does not answer would, one new project after the other, take
    every thread, and votes and decisions with them.
    """

    def __init__(self, count: int, patience: float, queue: int = QUEUE) -> None:
        """Let in `count` at once; of those who come then, `queue` wait `patience` seconds."""
        self._free = threading.BoundedSemaphore(count)
        # Whoever has a place, or waits for one.
        self._inside = threading.BoundedSemaphore(count + queue)
        self._patience = patience

    def take(self) -> None:
        """Take a place, to be given back with `give_back`.

        Raises:
            TooBusyError: None came free in time, or too many wait for one.

        """
        if not self._inside.acquire(blocking=False):
            raise TooBusyError("too many requests are waiting for upstream")
        if not self._free.acquire(timeout=self._patience):
            self._inside.release()
            raise TooBusyError("upstream takes too long for those who asked before")

    def give_back(self) -> None:
        """Give a place back."""
        self._free.release()
        self._inside.release()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold a place; raises TooBusyError as `take` does."""
        self.take()
        try:
            yield
        finally:
            self.give_back()
