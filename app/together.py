"""Doing in one go what several threads want done at the same time."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.baton import laid_down

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Wish(Generic[T]):
    """What one thread wants, and what became of it."""

    item: T
    done: bool = False
    error: BaseException | None = None


class Together(Generic[T]):
    """Hands what waits to one function; whoever comes meanwhile is in the next batch.

    One thread alone waits for nobody: its batch is its own item.
    """

    def __init__(self, act: Callable[[Sequence[T]], Sequence[Exception | None]]) -> None:
        """Use a function that returns, for each item, what went wrong with it."""
        self._act = act
        self._changed = threading.Condition()
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
        with self._changed:
            self._waiting.append(wish)
            while self._busy and not wish.done:
                self._changed.wait()
            batch: list[_Wish[T]] = []
            if not wish.done:
                batch, self._waiting, self._busy = self._waiting, [], True
        if batch:
            self._carry_out(batch)

    def _carry_out(self, batch: list[_Wish[T]]) -> None:
        try:
            errors: Sequence[BaseException | None] = self._act([wish.item for wish in batch])
        except BaseException as error:  # noqa: BLE001  each thread of the batch raises it
            errors = [error] * len(batch)
        with self._changed:
            for wish, failure in zip(batch, errors, strict=True):
                wish.error, wish.done = failure, True
            self._busy = False
            self._changed.notify_all()
