"""When `up` runs each job, where neither cron nor systemd does."""

import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import schedule

from app.config import Config
from jobs.children import Child
from jobs.harness import CONFIG_VARIABLE

_FOLLOW = 60
"""Seconds between two light runs, so that a release is here within two minutes."""

logger = logging.getLogger("larder")


class Timetable:
    """Starts jobs as processes of their own when they are due, one at a time.

    All are due at the start: how long the mirror was down, nobody knows. A job that is
    due while another runs waits its turn; it runs once then, however often it was due.
    """

    def __init__(self, config: Config, path: Path, options: Sequence[str] = ()) -> None:
        """Plan every job that the configuration gives an interval; all get the options."""
        self._environment = {**os.environ, CONFIG_VARIABLE: str(path)}
        self._options = options
        self._scheduler = schedule.Scheduler()
        self._due: list[Sequence[str]] = []
        self._running: Child | None = None
        for command, interval in intervals(config).items():
            if interval:
                self._scheduler.every(interval).seconds.do(self._note, command)
                self._note(command)

    def tick(self) -> None:
        """Start what is due, if nothing runs; to be called about every second."""
        self._scheduler.run_pending()
        if self._running and (code := self._running.exit_code()) is not None:
            if code:
                logger.warning("%s ended with exit code %d", self._running.name, code)
            self._running = None
        if self._due and not self._running:
            # Due until it is started: the machine may have no process to spare just now.
            self._start(self._due[0])
            self._due.pop(0)

    def session(self) -> int | None:
        """Return the running job's session, or None."""
        return self._running.pid if self._running else None

    def stop(self, patience: float) -> None:
        """End the running job: it stops after the step that it is at."""
        if self._running:
            self._running.stop(signal.SIGTERM, patience)

    def _note(self, command: Sequence[str]) -> None:
        if command not in self._due:
            self._due.append(command)

    def _start(self, command: Sequence[str]) -> None:
        module, *options = command
        line = [sys.executable, "-m", f"jobs.{module}", *options, *self._options]
        self._running = Child(module.replace("_", "-"), line, self._environment)


def intervals(config: Config) -> Mapping[tuple[str, ...], int]:
    """Return each job's module and options, and its interval in seconds."""
    wanted = config.schedule
    return {
        ("sync_index", "--follow"): _FOLLOW if config.sync.follow else 0,
        ("sync_index",): wanted.sync_index,
        ("read_spool",): wanted.read_spool,
        ("score",): wanted.score,
        ("move",): wanted.move,
        ("clean",): wanted.clean,
        ("verify",): wanted.verify,
    }
