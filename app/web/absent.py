"""Names that upstream has just said it does not have."""

import threading
from collections import OrderedDict

from app.names import ProjectName

SECONDS = 60
"""How long a name stays absent: a project that was just made is found a minute later."""

CAPACITY = 10_000
"""Some 2 MB. A flood of more names pushes out the oldest, not the process."""


class AbsentNames:
    """Remembers, for a short while, what not to ask upstream again."""

    def __init__(self, seconds: float = SECONDS, capacity: int = CAPACITY) -> None:
        """Begin empty."""
        self._seconds, self._capacity = seconds, capacity
        self._until: OrderedDict[ProjectName, float] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, name: ProjectName, now: float) -> None:
        """Note that upstream has no such project."""
        with self._lock:
            self._until.pop(name, None)
            self._until[name] = now + self._seconds
            while len(self._until) > self._capacity:
                self._until.popitem(last=False)

    def has(self, name: ProjectName, now: float) -> bool:
        """Whether upstream said so a short while ago."""
        with self._lock:
            until = self._until.get(name)
            if until is not None and until <= now:
                del self._until[name]
                return False
            return until is not None
