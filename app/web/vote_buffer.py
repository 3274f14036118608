"""Votes between their arrival and the database."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from app.lost_votes import Ledger
from app.model import Vote
from app.store import StoreError
from app.web.metrics import Metrics

logger = logging.getLogger(__name__)

INTERVAL = 0.5
"""Seconds between two transactions: a vote is in the database within a second, and a
worker takes as many votes as it would without a database."""

CAPACITY = 100_000
"""Votes that wait while the database is not to be written: some 20 MB, and half a
minute of all that one worker can take in."""

PATIENCE = 2.0
"""Seconds that the last transaction may take before its votes are left behind instead. A
worker has some more from its last request to its end."""

BATCH = 5_000
"""Votes in one transaction, so that no other writer waits for long."""


class VoteStore(Protocol):
    """Where votes go: `app.store.Store`."""

    def add_votes(self, votes: Sequence[Vote], window: int) -> int:
        """Count the votes that open a window; return how many did.

        Raises:
            StoreError: The database cannot be written now; no vote was counted.

        """
        ...

    def keep_networks(self, votes: Sequence[Vote]) -> None:
        """Remember the networks that votes name; raises StoreError as `add_votes` does."""
        ...


def _nowhere(votes: Sequence[Vote]) -> None:
    message = f"there is no place for {len(votes)} votes"
    raise OSError(message)


@dataclass(frozen=True, slots=True)
class Safe:
    """What becomes of votes that the database does not take."""

    # Takes what is left at the end (`app.spooling.Spool.leave`), or raises OSError.
    leave: Callable[[Sequence[Vote]], None] = _nowhere
    # So many wait before that.
    capacity: int = CAPACITY


class VoteBuffer:
    """Takes votes at once, and writes them twice a second, in a thread of its own.

    While the database cannot be written, the votes wait; when they become too many,
    the oldest are lost, and counted as lost.
    """

    def __init__(
        self,
        store: VoteStore,
        window: int,
        metrics: Metrics,
        ledger: Ledger | None = None,
        safe: Safe = Safe(),
    ) -> None:
        """Begin empty; the thread starts with the first vote.

        So it starts in the worker that takes votes, not in a master that forks. What a
        kill takes from the buffer is told by the ledger.
        """
        self._store, self._window, self._metrics = store, window, metrics
        self._ledger, self._safe = ledger or Ledger(), safe
        self._waiting: deque[Vote] = deque()
        # What is being written, and may yet come back.
        self._writing: list[Vote] = []
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._failing = False

    def put(self, vote: Vote) -> None:
        """Take a vote in; it never waits for the database."""
        with self._lock:
            self._ledger.take()
            self._waiting.append(vote)
            self._drop_oldest()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="votes", daemon=True)
                self._thread.start()

    def flush(self) -> bool:
        """Write what waits; return whether nothing had to be kept."""
        with self._flushing:
            while batch := self._take():
                if not self._write(batch):
                    return False
            return True

    def close(self) -> None:
        """Write what waits, and stop the thread; what cannot be written is left behind.

        A server that does not answer may hold the last transaction for longer than the
        process has: its votes are left behind as well, and should it be done all the
        same, whoever reads them finds their windows.
        """
        self._closing.set()
        if self._thread is not None:
            self._thread.join(PATIENCE)
        with self._lock:
            left = [*self._writing, *self._waiting]
            self._waiting.clear()
            self._writing = []
        if left:
            self._leave(left)
        self._ledger.close()

    def _run(self) -> None:
        while not self._closing.wait(INTERVAL):
            self.flush()
        self.flush()

    def _leave(self, votes: list[Vote]) -> None:
        try:
            self._safe.leave(votes)
        except OSError as error:
            logger.warning("%d votes are lost: %s", len(votes), error)
            with self._lock:
                self._lose(len(votes))
        else:
            self._ledger.write(len(votes))
            logger.warning("left %d votes in the spool for the next start", len(votes))

    def _take(self) -> list[Vote]:
        with self._lock:
            batch = list(islice(self._waiting, BATCH))
            for _ in batch:
                self._waiting.popleft()
            self._writing = batch
            return batch

    def _settle(self) -> bool:
        """Note that a batch is not being written any more; whether it is still ours."""
        with self._lock:
            ours, self._writing = bool(self._writing), []
            return ours

    def _write(self, batch: list[Vote]) -> bool:
        try:
            # First: where only this is done, the batch is written once more.
            self._store.keep_networks(batch)
            counted = self._store.add_votes(batch, self._window)
        except (StoreError, OSError) as error:
            if not self._failing:
                logger.warning("votes have to wait: %s", error)
            self._failing = True
            if self._settle():
                self._put_back(batch)
            return False
        except Exception:
            # Here the thread would end, and with it all voting. Not kept: it would fail
            # again, and hold up every vote behind it.
            logger.exception("%d votes could not be counted", len(batch))
            if self._settle():
                with self._lock:
                    self._lose(len(batch))
            return True
        if self._settle():
            self._ledger.write(len(batch))
        if self._failing:
            logger.warning("votes are counted again")
        self._failing = False
        self._metrics.votes.labels("accepted").inc(counted)
        self._metrics.votes.labels("skipped").inc(len(batch) - counted)
        return True

    def _put_back(self, batch: list[Vote]) -> None:
        with self._lock:
            self._waiting.extendleft(reversed(batch))
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        excess = len(self._waiting) - self._safe.capacity
        for _ in range(excess):
            self._waiting.popleft()
        self._lose(max(0, excess))

    def _lose(self, count: int) -> None:
        if count:
            self._ledger.lose(count)
            self._metrics.votes.labels("lost").inc(count)
