"""Processes that bring projects in step: one Python process keeps one core busy.

See docs/decisions/0011-a-process-a-core.md.
"""

import json
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from signal import Signals
from types import TracebackType
from typing import Self

from app.config import Config
from app.index import Outcome
from app.steps import Step
from jobs.bringing import Brought, Terms
from jobs.hands import Done, own_fault

logger = logging.getLogger("larder")

# Not as `-m`: what it sends would be of a module `__main__`, which here is another one.
# With `-P` and our own path: an `app.py` where we were started is none of larder's.
_MAIN = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]); "
    "from jobs.bringing import main; main()"
)

Note = Callable[[Step, Outcome], None]
"""Told what a step came to, before it counts as done."""

# glibc gives each thread a heap of its own; few threads here keep much for long.
_ARENAS = {"MALLOC_ARENA_MAX": "2"}


class ProcessEndedError(Exception):
    """The process that was at a step has ended in the middle of it."""


class Crew:
    """Processes with threads of their own; `jobs.hands.Hands`.

    The step that a process was at when it ended has failed; the others take the rest.
    """

    def __init__(
        self, config: Config, connections: Sequence[int], threads: int, note: Note
    ) -> None:
        """Use a process for each number of connections, with `threads` for each of those."""
        self._config, self._connections = config, connections
        self._threads, self._note = threads, note
        self._members: list[_Member] = []

    @property
    def count(self) -> int:
        """How many steps they take at once."""
        return sum(member.room for member in self._members)

    def take(self, step: Step, done: Done) -> None:
        """Give a step to whoever has least to do."""
        members = (member for member in self._members if member.room)
        member = min(members, key=lambda one: one.busy, default=self._members[0])
        member.take(step, done)

    def __enter__(self) -> Self:
        """Start the processes."""
        for connections in self._connections:
            terms = Terms(
                self._config,
                connections,
                self._threads * connections,
                logger.getEffectiveLevel(),
                os.getpid(),
            )
            self._members.append(_Member(terms, self._note))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End them after the steps that are begun."""
        for member in self._members:
            member.dismiss()
        for member in self._members:
            member.wait()


class _Member:
    """One process, and what it is at."""

    def __init__(self, terms: Terms, note: Note) -> None:
        self._terms, self._note = terms, note
        ours, theirs = socket.socketpair()
        with theirs:
            arguments = [str(theirs.fileno()), json.dumps(sys.path)]
            command = [sys.executable, "-P", "-c", _MAIN, *arguments]
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={**os.environ, **_ARENAS},
            )
        self._channel = Connection(ours.detach())
        self._lock = threading.Lock()
        self._number = 0
        self._ended = False
        self._begun: dict[int, tuple[Step, Done]] = {}
        self._tell(terms)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def busy(self) -> int:
        """How many steps it is at."""
        return len(self._begun)

    @property
    def room(self) -> int:
        """How many steps it takes at once."""
        return 0 if self._ended else self._terms.threads

    def take(self, step: Step, done: Done) -> None:
        """Give it a step."""
        with self._lock:
            self._number += 1
            if not self._ended:
                self._begun[self._number] = step, done
                self._tell((self._number, step))
                return
        done(self._why())

    def dismiss(self) -> None:
        """Let it end, after what it is at."""
        with self._lock:
            self._tell(None)

    def wait(self) -> None:
        """Return when it has ended."""
        self._listener.join()
        self._channel.close()

    def _tell(self, what: object) -> None:
        # Whether it is there to hear it, the listener finds out.
        with suppress(OSError):
            self._channel.send(what)

    def _listen(self) -> None:
        try:
            while True:
                self._hear(self._channel.recv())
        except (EOFError, OSError):
            pass
        except Exception as error:  # noqa: BLE001 - nobody else would tell the runner.
            logger.error("%s", own_fault(error))
            self._process.kill()
        self._process.wait()
        with self._lock:
            self._ended = True
            left = list(self._begun.values())
            self._begun.clear()
        for _, done in left:
            done(self._why())

    def _hear(self, brought: Brought) -> None:
        with self._lock:
            step, done = self._begun.pop(brought.number)
        if brought.outcome is not None:
            self._note(step, brought.outcome)
        done(brought.error)

    def _why(self) -> ProcessEndedError:
        code = self._process.wait()
        how = f"was killed by {_signal(-code)}" if code < 0 else f"ended with code {code}"
        return ProcessEndedError(f"the process that was at it {how}; a later run tries again")


def _signal(number: int) -> str:
    try:
        return Signals(number).name
    except ValueError:
        return f"signal {number}"
