"""Asks each place of files now and then whether it answers: one worker does it for all."""

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from app.locks import FileLock, LockedError
from app.targets import Failure
from app.web.targets import Targets

logger = logging.getLogger(__name__)

TICK = 0.2
"""Seconds between two looks at what is due."""

FIRST_PATIENCE = 1.0
"""Seconds that a starting worker waits for the first probes. What has not answered by then
is not redirected to until it has."""


class Probe(Protocol):
    """What asks: `app.upstream.Upstream`."""

    def probe(self, url: str, *, is_file: bool) -> Failure | None:
        """Return what is wrong with a place."""
        ...


class Prober:
    """A thread in each worker; the one that has the lock probes, the kernel passes it on.

    So there is no job whose absence would blind the app, and no more probes with more
    workers.
    """

    def __init__(
        self, targets: Targets, upstream: Probe, folder: Path, shown: Sequence[str]
    ) -> None:
        """Probe for a run directory; nginx is shown which of `shown` are good."""
        self._targets, self._upstream = targets, upstream
        self._lock = FileLock(folder / "probes.lock")
        self._marks = folder / "targets"
        self._shown = shown
        self._closing = threading.Event()
        self._asked: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="probes", daemon=True)

    def start(self) -> None:
        """Start, and wait a moment for the first results, whoever gets them."""
        self._thread.start()
        deadline = time.monotonic() + FIRST_PATIENCE
        while not self._targets.fresh() and time.monotonic() < deadline:
            time.sleep(0.01)

    def close(self) -> None:
        """Stop; a probe that is under way is left alone."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        pool = ThreadPoolExecutor(max(1, len(self._targets.places)), "probe")
        try:
            while not self._closing.is_set():
                try:
                    with self._lock:
                        self._lead(pool)
                except (LockedError, OSError):
                    # Another worker does it; or the disk is gone, and comes back.
                    self._closing.wait(TICK * 5)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _lead(self, pool: ThreadPoolExecutor) -> None:
        self._marks.mkdir(exist_ok=True)
        while not self._closing.is_set():
            for place in self._targets.due():
                if place not in self._asked:
                    self._asked.add(place)
                    pool.submit(self._probe, place)
            self._mark()
            self._closing.wait(TICK if self._targets.fresh() else TICK / 10)

    def _probe(self, place: str) -> None:
        """Ask a place for a file that somebody wanted lately; or, without any, for itself."""
        sample = self._targets.sample
        try:
            failure = self._upstream.probe(place + quote(sample or ""), is_file=bool(sample))
            self._targets.probed(place, failure)
        except Exception:
            # Here the probing of this place would end for ever.
            logger.exception("the probe of %s failed", place)
        finally:
            self._asked.discard(place)

    def _mark(self) -> None:
        """Show nginx, by empty files, where it may redirect to while the app is away."""
        for number, place in enumerate(self._shown):
            mark = self._marks / f"{number}.good"
            good = self._targets.good(place)
            if good and not mark.exists():
                mark.touch()
            elif not good:
                mark.unlink(missing_ok=True)
