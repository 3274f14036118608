"""The secret that networks are hashed with: known once the database could be asked."""

import logging
import threading
from collections.abc import Callable

from app.store import StoreError

logger = logging.getLogger(__name__)

INTERVAL = 1.0
"""Seconds between two tries."""


class NetworkKey:
    """Asks for the secret, again and again while the database cannot be used.

    Whoever takes votes must not wait for that: nginx has a spool for them.
    """

    def __init__(self, ask: Callable[[], bytes], interval: float = INTERVAL) -> None:
        """Ask now, and where that fails in a thread of its own."""
        self._ask, self._interval = ask, interval
        self._key: bytes | None = None
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        try:
            self._key = ask()
        except StoreError as error:
            logger.warning("votes go to the spool for now: %s", error)
            self._thread = threading.Thread(target=self._run, name="key", daemon=True)
            self._thread.start()

    def __call__(self) -> bytes | None:
        """Return the secret, or None while nobody knows it."""
        return self._key

    def close(self) -> None:
        """Stop asking; a thread that waits for an answer ends with the process."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(self._interval)

    def _run(self) -> None:
        while self._key is None and not self._closing.wait(self._interval):
            try:
                self._key = self._ask()
            except StoreError:
                continue
            logger.warning("votes are taken again")
