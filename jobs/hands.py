"""Who carries out steps side by side, and what a step may fail with."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Protocol, Self

from app.fetching import FetchFailedError, StoppedError
from app.holdings import PutOffError
from app.index import StalePageError
from app.locks import LockTimeoutError
from app.scrubbing import RottenError
from app.steps import Step
from app.store import StoreError
from app.tiers import NoRoomError, TierMissingError, WrongContentError
from app.upstream import UpstreamError
from jobs.exit_codes import JobError

logger = logging.getLogger("larder")

EXPECTED = (
    FetchFailedError,
    LockTimeoutError,
    NoRoomError,
    OSError,
    PutOffError,
    RottenError,
    StalePageError,
    StoreError,
    TierMissingError,
    UpstreamError,
    WrongContentError,
)
"""What a step may fail with; anything else is a fault of larder's own (`own_fault`)."""

Done = Callable[[Exception | None], None]
"""Told how a step ended; from another thread, mostly."""


class OwnFaultError(Exception):
    """Larder itself is wrong: a step failed in a way that none may."""


class Hands(Protocol):
    """Workers that have steps carried out, for a with-block."""

    @property
    def count(self) -> int:
        """How many steps they take at once; it may become less."""

    def take(self, step: Step, done: Done) -> None:
        """Begin a step, of at most `count`; `done` is called at its end."""

    def __enter__(self) -> Self:
        """Be ready."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        """Wait for the steps that are begun, and end."""


class Threads(ThreadPoolExecutor):
    """Threads of this process."""

    def __init__(self, execute: Callable[[Step], None], count: int) -> None:
        """Use so many, each of which calls `execute`."""
        super().__init__(count)
        self.count = count
        self._execute = execute

    def take(self, step: Step, done: Done) -> None:
        """Begin a step."""
        future = self.submit(attempt, partial(self._execute, step))
        future.add_done_callback(lambda found: done(_result(found)))


def attempt(act: Callable[[], object]) -> Exception | None:
    """Do something, and return what went wrong with it."""
    try:
        act()
    except (*EXPECTED, JobError, StoppedError) as error:
        return error
    except Exception as error:  # noqa: BLE001 - the steps after it must have their turn.
        return own_fault(error)
    return None


def own_fault(error: Exception) -> OwnFaultError:
    """Return what to tell the operator; the traceback goes to the log of `--verbose`."""
    logger.debug("traceback", exc_info=error)
    what = f"{type(error).__name__}: {error}".splitlines()[0]
    return OwnFaultError(f"larder's own fault, please report: {what}")


def _result(future: "Future[Exception | None]") -> Exception | None:
    return future.result()
