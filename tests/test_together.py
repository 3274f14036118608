"""Several threads' wishes in one go."""

import threading
from collections.abc import Sequence

import pytest

from app.together import Together


def test_who_comes_meanwhile_is_in_the_next_batch() -> None:
    """Nothing is done twice, and nothing is left."""
    batches: list[list[int]] = []
    first, go_on = threading.Event(), threading.Event()

    def act(items: Sequence[int]) -> Sequence[None]:
        batches.append(sorted(items))
        first.set()
        go_on.wait(10)
        return [None] * len(items)

    together = Together(act)
    threads = [threading.Thread(target=together.do, args=(number,)) for number in range(6)]
    threads[0].start()
    first.wait(10)
    for thread in threads[1:]:
        thread.start()
    while len(together._waiting) < 5:  # noqa: SLF001
        threading.Event().wait(0.01)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert [[0], [1, 2, 3, 4, 5]] == batches


def test_an_item_that_fails_fails_alone() -> None:
    """Its thread alone gets the error."""
    together: Together[int] = Together(
        lambda items: [ValueError(str(item)) if item < 0 else None for item in items]
    )
    together.do(1)
    with pytest.raises(ValueError, match="-1"):
        together.do(-1)
    together.do(2)


def test_what_the_function_raises_its_batch_raises() -> None:
    """And the next batch is tried anew."""
    tries: list[int] = []

    def act(items: Sequence[int]) -> Sequence[None]:
        tries.extend(items)
        if tries == [1]:
            raise OSError("no room")
        return [None] * len(items)

    together = Together(act)
    with pytest.raises(OSError, match="no room"):
        together.do(1)
    together.do(2)
    assert [1, 2] == tries
