"""So many bytes a second, over all threads together."""

import threading
import time
from collections.abc import Callable

_NAP = 0.1
"""Seconds for which nobody asks whether to stop."""


class Pace:
    """A token bucket that never fills: no burst after a pause.

    Whoever takes bytes gets the next free stretch of time and waits until it is over. So
    threads that take pieces of like size get like shares, in the order in which they come.
    """

    def __init__(
        self,
        rate: int | None,
        stopping: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Allow `rate` bytes a second; None is as many as come."""
        self._rate, self._stopping = rate, stopping
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._free_at = 0.0

    def take(self, count: int) -> None:
        """Wait until so many bytes may have come; a stop ends the waiting."""
        if self._rate is None:
            return
        with self._lock:
            end = max(self._free_at, self._clock()) + count / self._rate
            self._free_at = end
        while (left := end - self._clock()) > 0 and not self._stopping():
            self._sleep(min(left, _NAP))
