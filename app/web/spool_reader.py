"""The spools, read while the app runs: a vote that went there is counted within seconds."""

import threading
from typing import Protocol

from app.store import StoreError
from app.web.outage import Outage

INTERVAL = 1.0
"""Seconds between two looks. nginx spools for ten seconds after an answer that came too
late, so the spool is used now and then on a busy machine, not only when the app is dead."""


TRAFFIC_INTERVAL = 30.0
"""The same for the answers that nginx writes down: nobody waits for them, and adding many up
at once is cheaper. `larder read-spool` would do, but waits while `move` runs for hours."""


class ReadableSpool(Protocol):
    """What is read: `app.spooling.Spool`."""

    def pending(self) -> int:
        """Return how many bytes have not been read yet."""
        ...

    def read(self) -> int:
        """Count the lines that are there; return how many counted."""
        ...


class SpoolReader:
    """Reads the spool again and again, in a thread of its own.

    What cannot be counted now stays in the spool.
    """

    def __init__(self, spool: ReadableSpool, interval: float = INTERVAL) -> None:
        """Start the thread; that is done in the worker, not in a master that forks."""
        self._spool, self._interval = spool, interval
        self._outage = Outage("a spool is left as it is", "the spool is read again")
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="spool", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the thread; one that waits for an absent server ends with the process."""
        self._closing.set()
        self._thread.join(self._interval)

    def _run(self) -> None:
        while not self._closing.wait(self._interval):
            try:
                if self._spool.pending():
                    self._spool.read()
            except (StoreError, OSError) as error:
                self._outage.note(error)
            else:
                self._outage.end()
