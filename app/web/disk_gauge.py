"""Whether the disk of `repo_path` is nearly full, asked at most once a second."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

_FLOOR = 16 << 20
"""Bytes: what nginx may write within a second, many times over."""

_INTERVAL = 1.0


class DiskGauge:
    """Looks at a filesystem's free space now and then."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Watch the filesystem that holds a path; the first look is at the first question."""
        self._path, self._clock = path, clock
        self._looked: float | None = None
        self._low = False

    def low(self) -> bool:
        """Whether there is next to no room; yes, too, where that cannot be told."""
        now = self._clock()
        if self._looked is None or now - self._looked >= _INTERVAL:
            self._looked = now
            try:
                self._low = shutil.disk_usage(self._path).free < _FLOOR
            except OSError:
                self._low = True
        return self._low
