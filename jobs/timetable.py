"""When `up` runs each job, where neither cron nor systemd does."""

import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import schedule

from app.config import Config
from jobs.children import Child
from jobs.harness import CONFIG_VARIABLE

_FOLLOW = 60
"""Seconds between two light runs, so that a release is here within two minutes."""

logger = logging.getLogger("larder")


class _Lane:
    """Jobs of which one runs at a time; the others wait their turn, each once."""

    def __init__(self) -> None:
        self._due: list[Sequence[str]] = []
        self.running: Child | None = None

    def note(self, command: Sequence[str]) -> None:
        """Let a command be due."""
        if command not in self._due:
            self._due.append(command)

    def tick(self, start: Callable[[Sequence[str]], Child]) -> None:
        """Start what is due, if nothing runs."""
        if self.running and (code := self.running.exit_code()) is not None:
            if code:
                logger.warning("%s ended with exit code %d", self.running.name, code)
            self.running = None
        if self._due and not self.running:
            # Due until it is started: the machine may have no process to spare just now.
            self.running = start(self._due[0])
            self._due.pop(0)


class Timetable:
    """Starts jobs as processes of their own when they are due, one at a time.

    All are due at the start: how long the mirror was down, nobody knows. A job that is
    due while another runs waits its turn; it runs once then, however often it was due.
    With `sync.follow` the index waits for no job but its own: moves may take hours, and
    what upstream shows shall be here within two minutes.
    """

    def __init__(self, config: Config, path: Path, options: Sequence[str] = ()) -> None:
        """Plan every job that the configuration gives an interval; all get the options."""
        self._environment = {**os.environ, CONFIG_VARIABLE: str(path)}
        self._options = options
        self._scheduler = schedule.Scheduler()
        files = _Lane()
        index = _Lane() if config.sync.follow else files
        self._lanes = (index, files) if config.sync.follow else (files,)
        for command, interval in intervals(config).items():
            if interval:
                lane = index if command[0] == "sync_index" else files
                self._scheduler.every(interval).seconds.do(lane.note, command)
                lane.note(command)

    def tick(self) -> None:
        """Start what is due and need not wait; to be called about every second."""
        self._scheduler.run_pending()
        for lane in self._lanes:
            lane.tick(self._start)

    def sessions(self) -> list[int]:
        """Return the sessions of the jobs that run."""
        return [child.pid for child in self._running()]

    def stop(self, patience: float) -> None:
        """End the running jobs, one after the other: each stops after the step that it is at."""
        for child in self._running():
            child.stop(signal.SIGTERM, patience)

    def _running(self) -> list[Child]:
        return [lane.running for lane in self._lanes if lane.running]

    def _start(self, command: Sequence[str]) -> Child:
        module, *options = command
        # -P: a `jobs.py` where `up` was started is none of larder's.
        line = [sys.executable, "-P", "-m", f"jobs.{module}", *options, *self._options]
        return Child(module.replace("_", "-"), line, self._environment)


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
