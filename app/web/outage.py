"""An outage of the database, told twice: when it begins, and when it is over.

A request that finds the database away is answered all the same; a line for each would
fill the log with one and the same sentence.
"""

import logging
import threading

logger = logging.getLogger(__name__)


class Outage:
    """Whether the database is away, as the last one who asked it found."""

    def __init__(self, meanwhile: str, afterwards: str) -> None:
        """Say what is done meanwhile, and what again afterwards."""
        self._meanwhile, self._afterwards = meanwhile, afterwards
        self._lock = threading.Lock()
        self._lasts = False

    def note(self, error: Exception) -> None:
        """Note that the database could not be asked; the first to do so is heard."""
        if self._turn(lasts=True):
            logger.warning("%s: %s", self._meanwhile, error)

    def end(self) -> None:
        """Note that the database has answered."""
        # Nearly always: without the lock that every thread would wait for.
        if self._lasts and self._turn(lasts=False):
            logger.warning("%s", self._afterwards)

    def _turn(self, *, lasts: bool) -> bool:
        with self._lock:
            turned = self._lasts != lasts
            self._lasts = lasts
            return turned
