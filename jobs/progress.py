"""How far a job is: a bar on a terminal, a log line every few seconds elsewhere."""

import logging
import sys
import time
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

logger = logging.getLogger("larder")

_INTERVAL = 10
"""Seconds between two log lines where there is no terminal: cron and journald read them."""


class Progress:
    """The progress of one job, on standard error."""

    def __init__(self, job: str, total: int) -> None:
        """Show nothing yet."""
        self._job, self._total = job, total
        self._done, self._failed = 0, 0
        self._last = time.monotonic()
        self._bar: Bar | None = None
        self._quiet = logger.getEffectiveLevel() > logging.INFO

    def __enter__(self) -> Self:
        """Show the bar, where there is a terminal and something to do."""
        if sys.stderr.isatty() and self._total and not self._quiet:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[failed]} failed"),
                TimeRemainingColumn(),
            )
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(self._job, total=self._total, failed=0)
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bar away: the summary says the rest."""
        if self._bar:
            self._bar.stop()

    def advance(self, *, failed: int) -> None:
        """Note that one more step is done, and how many have failed so far."""
        self._done, self._failed = self._done + 1, failed
        if self._bar:
            self._bar.update(self._task, completed=self._done, failed=failed)
        elif time.monotonic() - self._last >= _INTERVAL:
            self._last = time.monotonic()
            logger.info("%s: %d of %d steps, %d failed", self._job, self._done, self._total, failed)
