"""How many of the requests that were lately sent to a place have failed."""

import threading
from dataclasses import dataclass

WINDOW = 10.0
"""Seconds that are looked at together."""

FEWEST = 3
"""So many failures make a suspicion: one file may be broken, or one connection."""


@dataclass(slots=True)
class _Count:
    began: float = 0.0
    sent: int = 0
    failed: int = 0


class Attempts:
    """Counts by place, in this process alone: nginx deals requests out evenly."""

    def __init__(self) -> None:
        """Begin without any."""
        self._counts: dict[str, _Count] = {}
        self._lock = threading.Lock()

    def sent(self, place: str, now: float) -> None:
        """Note that a request goes there."""
        with self._lock:
            self._of(place, now).sent += 1

    def failed(self, place: str, now: float) -> bool:
        """Note that one has failed; return whether they are too many: three, and the half."""
        with self._lock:
            count = self._of(place, now)
            count.failed += 1
            return count.failed >= FEWEST and 2 * count.failed >= count.sent

    def forget(self, place: str) -> None:
        """Begin anew with a place."""
        with self._lock:
            self._counts.pop(place, None)

    def _of(self, place: str, now: float) -> _Count:
        count = self._counts.setdefault(place, _Count(now))
        if now - count.began > WINDOW:
            count.began, count.sent, count.failed = now, 0, 0
        return count
