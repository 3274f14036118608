"""Votes that were taken and never written: counted, also after a kill.

Each worker of the application keeps three numbers in a small file under `run/votes`,
mapped into its memory: two stores of eight bytes a vote, which outlive the process. It
holds the file's lock as long as it lives. Whoever comes next adds what a dead one has
taken and not written to the count in the database, and deletes the file.
"""

import json
import logging
import mmap
import os
import secrets
import time
from array import array
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Self

from app.locks import FileLock, LockedError
from app.store import Store

logger = logging.getLogger(__name__)

_MAGIC = int.from_bytes(b"larder.1", "little")
_SIZE = 32
_SUFFIX = ".votes"
_KEY = "lost_votes"
_STALE = 3600
"""Seconds after which a file in the making belongs to nobody."""


class Numbers(NamedTuple):
    """What one worker has done with its votes."""

    # All that nginx was told are taken.
    taken: int = 0
    # Of those, what the database has seen, counted or not.
    written: int = 0
    # Of those, what is known to be lost: too many had to wait.
    lost: int = 0


class Ledger:
    """One worker's numbers, which the next one finds where this one is killed."""

    def __init__(self) -> None:
        """Count in memory alone."""
        self._numbers = memoryview(array("q", [_MAGIC, 0, 0, 0]))
        self._closing = ExitStack()

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Count in a new file of a folder; in memory alone where the disk does not let it."""
        ledger = cls()
        try:
            ledger._open(folder)
        except OSError as error:
            logger.warning("votes that a kill loses are not counted: %s", error)
        return ledger

    @property
    def numbers(self) -> Numbers:
        """What was counted."""
        return Numbers(*self._numbers[1:])

    def take(self) -> None:
        """Note that a vote was taken."""
        self._numbers[1] += 1

    def write(self, count: int) -> None:
        """Note that votes are in the database."""
        self._numbers[2] += count

    def lose(self, count: int) -> None:
        """Note that votes are lost."""
        self._numbers[3] += count

    def close(self) -> None:
        """Let others count what is left."""
        self._closing.close()

    def _open(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{os.getpid()}-{secrets.token_hex(4)}{_SUFFIX}"
        partial = path.with_suffix(".new")
        self._closing.enter_context(FileLock(partial))
        with partial.open("r+b") as stream:
            # Written, not only made longer: a full disk would end the process later.
            stream.write(self._numbers.tobytes())
            stream.flush()
            mapped = mmap.mmap(stream.fileno(), _SIZE)
        # Seen by others from here on, and locked.
        partial.rename(path)
        # A store of eight aligned bytes is one of the processor's: never half of it.
        self._numbers = memoryview(mapped).cast("q")


@dataclass(frozen=True, slots=True)
class LostVotes:
    """The count of lost votes, and the workers' files that are not in it yet."""

    folder: Path
    store: Store

    def count(self) -> int:
        """Return how many votes were lost, ever, as far as it is known now."""
        account = self._account()
        return account.count + sum(
            one.numbers.lost if one.lives else one.left
            for one in self._workers()
            if one.path.name not in account.settled
        )

    def waiting(self) -> int:
        """Return how many votes are in the workers' memory, and not in the database yet."""
        living = (one for one in self._workers() if one.lives)
        return sum(max(0, one.left - one.numbers.lost) for one in living)

    def unsettled(self) -> tuple[int, int]:
        """Return how many workers have ended that are not settled, and what they lost."""
        settled = self._account().settled
        dead = [one for one in self._workers() if not one.lives]
        return len(dead), sum(one.left for one in dead if one.path.name not in settled)

    def settle(self) -> int:
        """Count what dead workers have lost, once; return how many votes that are.

        Somebody else's settling is left alone.
        """
        if not self.folder.exists():
            return 0
        try:
            with FileLock(self.folder / "settle.lock"):
                return self._settle()
        except LockedError:
            return 0

    def _settle(self) -> int:
        account = self._account()
        dead = [one for one in self._workers() if not one.lives]
        lost = sum(one.left for one in dead if one.path.name not in account.settled)
        if lost:
            # In one write: a kill after it leaves files that are known to be counted.
            names = [one.path.name for one in dead]
            value = {"count": account.count + lost, "settled": names}
            self.store.keep(_KEY, json.dumps(value).encode())
            logger.warning("%d votes were lost with workers that were killed", lost)
        for one in dead:
            one.path.unlink(missing_ok=True)
        for path in self.folder.glob("*.new"):
            if time.time() - path.stat().st_mtime > _STALE:
                path.unlink(missing_ok=True)
        return lost

    def _account(self) -> "_Account":
        value = self.store.setting(_KEY)
        return _Account(**json.loads(value)) if value else _Account()

    def _workers(self) -> Iterator["_Worker"]:
        for path in sorted(self.folder.glob(f"*{_SUFFIX}")):
            try:
                yield _look_at(path)
            except FileNotFoundError:
                # Somebody has settled it in between.
                continue


@dataclass(frozen=True, slots=True)
class _Account:
    count: int = 0
    # The files that are in the count already, and may not be deleted yet.
    settled: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Worker:
    path: Path
    lives: bool
    numbers: Numbers

    @property
    def left(self) -> int:
        """What it has taken and not written."""
        return self.numbers.taken - self.numbers.written


def _look_at(path: Path) -> _Worker:
    """Return a worker as its file tells it; a file without sense tells of nothing."""
    lives = False
    try:
        with path.open("rb") as stream, FileLock(path):
            content = stream.read(_SIZE + 1)
    except LockedError:
        lives = True
        content = path.read_bytes()
    return _Worker(path, lives, numbers_in(content))


def numbers_in(content: bytes) -> Numbers:
    """Return what a worker's file says; nothing where it makes no sense."""
    if len(content) == _SIZE:
        magic, *rest = memoryview(content).cast("q")
        numbers = Numbers(*rest)
        if magic == _MAGIC and 0 <= numbers.lost <= numbers.taken - numbers.written:
            return numbers if numbers.written >= 0 else Numbers()
    return Numbers()
