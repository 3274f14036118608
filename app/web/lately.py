"""Which files several clients want at the same time."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

SECONDS = 10.0
"""Who asks for a file within so many seconds of another shares a download with those who
do. Most downloads that nginx passes through end within them; one that does not is joined
by one more, whoever comes."""

CAPACITY = 10_000
"""Some 2 MB; a flood of more paths pushes out the oldest."""


class Lately:
    """Remembers, for a short while, what was asked for."""

    def __init__(
        self,
        seconds: float = SECONDS,
        capacity: int = CAPACITY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin empty."""
        self._seconds, self._capacity, self._clock = seconds, capacity, clock
        self._last: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def asked(self, path: str) -> bool:
        """Note that a file is asked for; return whether it was a short while ago."""
        now = self._clock()
        with self._lock:
            before = self._last.pop(path, None)
            self._last[path] = now
            if len(self._last) > self._capacity:
                self._last.popitem(last=False)
            return before is not None and now - before <= self._seconds
