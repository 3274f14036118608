"""Doing in one go what several threads want done at the same time."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from app.baton import laid_down

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Wish(Generic[T]):
    """What one thread wants, and what became of it."""

    item: T
    # Released when it is done, or when its thread is to act.
    gate: threading.Lock = field(default_factory=threading.Lock)
    done: bool = False
    error: BaseException | None = None


class Together(Generic[T]):
    """Hands what waits to one function; whoever comes meanwhile is in the next batch.

    One thread alone waits for nobody: its batch is its own item. Of those that wait,
    each is woken once, when there is something for it to do.
    """

    def __init__(self, act: Callable[[Sequence[T]], Sequence[Exception | None]]) -> None:
        """Use a function that returns, for each item, what went wrong with it."""
        self._act = act
        self._lock = threading.Lock()
        self._waiting: list[_Wish[T]] = []
        self._busy = False

    def do(self, item: T) -> None:
        """Have an item done, and return when it is.

        Raises:
            Exception: What the function returned for the item, or raised for its batch.

        """
        wish = _Wish(item)
        with laid_down():
            self._wait_or_act(wish)
        if wish.error is not None:
            raise wish.error

    def _wait_or_act(self, wish: _Wish[T]) -> None:
        wish.gate.acquire()
        with self._lock:
            self._waiting.append(wish)
            waits, self._busy = self._busy, True
        if waits:
            wish.gate.acquire()
        if not wish.done:
            with self._lock:
                batch, self._waiting = self._waiting, []
            self._carry_out(wish, batch)

    def _carry_out(self, mine: _Wish[T], batch: list[_Wish[T]]) -> None:
        try:
            errors: Sequence[BaseException | None] = self._act([wish.item for wish in batch])
        except BaseException as error:  # noqa: BLE001  each thread of the batch raises it
            errors = [error] * len(batch)
        with self._lock:
            # The next to act goes on with all who wait by then; its batch may begin.
            following = self._waiting[0] if self._waiting else None
            self._busy = following is not None
        if following is not None:
            following.gate.release()
        for wish, failure in zip(batch, errors, strict=True):
            wish.error, wish.done = failure, True
            if wish is not mine:
                wish.gate.release()
