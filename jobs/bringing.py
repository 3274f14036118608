"""A process that brings projects in step for `sync-index`: one of `jobs.crew`'s.

It takes its orders from the socket that it was started with, and does with each what
the job itself would do. Locks, database and disk are shared as they are with the
web application, so a kill at any time leaves what a kill of the job leaves.
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from app.assembly import open_index, open_upstream
from app.baton import carrying
from app.config import Config
from app.index import Index, Outcome
from app.steps import (
    AddProject,
    CompleteProject,
    RenderProject,
    RevalidateProject,
    UpdateProject,
)
from app.store import Store
from jobs.children import end_with_parent
from jobs.hands import attempt
from jobs.harness import log_from

logger = logging.getLogger("larder")


@dataclass(frozen=True, slots=True)
class Terms:
    """What a process is told before its first step."""

    config: Config
    # Its part of `sync.concurrent_downloads`.
    connections: int
    threads: int
    log_level: int
    # Who told it: when that process is gone, so is the reason to go on.
    parent: int


@dataclass(frozen=True, slots=True)
class Brought:
    """What became of a step."""

    number: int
    outcome: Outcome | None
    error: Exception | None


OneProject = AddProject | UpdateProject | RevalidateProject | RenderProject | CompleteProject
"""The steps about one project's pages, which any process may carry out."""


def bring(index: Index, step: OneProject) -> Outcome:
    """Carry out a step about one project."""
    with carrying():
        return _bring(index, step)


def _bring(index: Index, step: OneProject) -> Outcome:
    match step:
        case AddProject(name, serial):
            return index.bring(name, serial)
        case UpdateProject(name, serial, listed):
            return index.bring(name, serial, listed=listed)
        case RevalidateProject(name, listed):
            return index.bring(name, listed=listed)
        case RenderProject(name):
            return index.render(name)
        case CompleteProject(name):
            index.complete(name)
            return Outcome.WRITTEN


class _Worker:
    """Carries out steps, and says what became of each."""

    def __init__(self, channel: Connection, index: Index) -> None:
        self._channel, self._index = channel, index
        self._sending = threading.Lock()

    def do(self, number: int, step: OneProject) -> None:
        """Carry out one step; in any thread."""
        found: list[Outcome] = []
        error = attempt(lambda: found.append(bring(self._index, step)))
        with self._sending:
            self._channel.send(Brought(number, found[0] if found else None, error))


def main() -> None:
    """Work until told to end, or until nobody is there to tell."""
    # Ctrl-C reaches every process of a terminal; whether to end, the parent decides.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    end_with_parent(signal.SIGKILL)
    os.umask(0o022)
    channel = Connection(int(sys.argv[1]))
    terms: Terms = next(_orders(channel))
    if os.getppid() != terms.parent:
        return
    log_from(terms.log_level)
    if error := attempt(partial(_work, channel, terms)):
        logger.error("a process of sync-index ends: %s", error)
        sys.exit(1)


def _orders(channel: Connection) -> Iterator[Any]:
    """Yield what the parent says, until it says that this is all."""
    try:
        yield from iter(channel.recv, None)
    except (EOFError, OSError):
        # The parent is gone, and with it whoever would hear of what is not done yet.
        os._exit(1)


def _work(channel: Connection, terms: Terms) -> None:
    store = Store.open(terms.config.database)
    upstream = open_upstream(terms.config, terms.connections)
    worker = _Worker(channel, open_index(terms.config, store, upstream))
    with ThreadPoolExecutor(terms.threads) as threads:
        for number, step in _orders(channel):
            threads.submit(partial(worker.do, number, step))
    upstream.close()
    store.close()
