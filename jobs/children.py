"""The processes that `up` starts: none outlives it, whatever ends it."""

import ctypes
import json
import logging
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

logger = logging.getLogger("larder")

_PR_SET_PDEATHSIG = 1  # prctl(2)
_LIBC = ctypes.CDLL(None, use_errno=True)
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_OURS = ("nginx", "gunicorn", "python", "larder")
"""What our children's executables are called."""


class Child:
    """A process with a session of its own, so that its children can be found and ended."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: dict[str, str],
        folder: Path | None = None,
    ) -> None:
        """Start it, in a folder; when `up` dies, however it does, the kernel tells it to end."""
        self.name = name
        self._started = time.monotonic()
        # preexec_fn is safe here: `up` starts its children from its only thread.
        self._process = subprocess.Popen(
            list(command),
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=end_with_parent,  # noqa: PLW1509
        )

    @property
    def pid(self) -> int:
        """The process, and its session."""
        return self._process.pid

    @property
    def age(self) -> float:
        """The seconds since its start."""
        return time.monotonic() - self._started

    def exit_code(self) -> int | None:
        """Return how it ended, or None while it runs."""
        return self._process.poll()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, where it still runs."""
        if self._process.poll() is None:
            self._process.send_signal(number)

    def stop(self, number: signal.Signals, patience: float) -> None:
        """End it and all of its session: first kindly, after `patience` seconds by force."""
        self.send(number)
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            logger.warning("%s did not stop within %g s; killing it", self.name, patience)
            self._process.kill()
            self._process.wait()
        end_session(self.pid)


class Pauses:
    """How long to wait before a child that ended is started again: a broken one must not spin."""

    def __init__(self, shortest: float = 1.0, longest: float = 30.0, steady: float = 60.0) -> None:
        """Double the pause, from shortest to longest, while a child lives less than steadily."""
        self._shortest, self._longest, self._steady = shortest, longest, steady
        self._last: dict[str, float] = {}

    def next(self, name: str, lived: float) -> float:
        """Return the seconds to wait for a child that has lived so many."""
        doubled = 2 * self._last.get(name, self._shortest / 2)
        self._last[name] = self._shortest if lived >= self._steady else min(doubled, self._longest)
        return self._last[name]


class Register:
    """The sessions that `up` has started, on disk: what a killed `up` left can be ended."""

    def __init__(self, path: Path) -> None:
        """Use a file of the run directory."""
        self._path = path
        # What is on disk, as far as this process has written it.
        self._written: list[int] | None = None

    def write(self, sessions: Sequence[int]) -> None:
        """Note the living sessions, where they are others than those noted last."""
        if list(sessions) == self._written:
            return
        content = {"boot": _BOOT_ID.read_text().strip(), "sessions": list(sessions)}
        partial = self._path.with_suffix(".new")
        partial.write_text(json.dumps(content))
        partial.replace(self._path)
        self._written = list(sessions)

    def remove(self) -> None:
        """Note that nothing lives any more, which takes no room on the disk."""
        self._path.unlink(missing_ok=True)
        self._written = None

    def end_leftovers(self) -> int:
        """End what an `up` before this one left running; return how many processes."""
        return sum(end_session(session) for session in self._sessions())

    def _sessions(self) -> list[int]:
        try:
            content: Any = json.loads(self._path.read_text())
            if content["boot"] != _BOOT_ID.read_text().strip():
                return []
            return [int(session) for session in content["sessions"]]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return []


def end_with_parent(number: signal.Signals = signal.SIGTERM) -> None:
    """Let the kernel end this process when its parent dies, however that does."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, number)


def end_session(session: int, patience: float = 2.0) -> int:
    """Kill every process of a session, ours by name; return how many there were.

    nginx's workers live on when their master is killed, and hold its port.
    """
    members = list(_members(session))
    for pid in members:
        _kill(pid)
    deadline = time.monotonic() + patience
    while any(_members(session)) and time.monotonic() < deadline:
        time.sleep(0.01)
    return len(members)


def _members(session: int) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # proc(5): pid (comm) state ppid pgrp session …; comm may hold anything.
            head, _, tail = (entry / "stat").read_text().rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue
        comm, fields = head.partition("(")[2], tail.split()
        if int(fields[3]) == session and fields[0] != "Z" and comm.startswith(_OURS):
            yield int(entry.name)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
