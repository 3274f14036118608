"""One thread at a time computes, and the others wait where waiting costs nothing.

Of many threads that compute, CPython runs one at a time and hands on at each system
call, of which a project takes sixty: they spend a third of their time on handing on.
A thread that carries the baton lays it down only where it waits: for upstream, for the
disk, for somebody else. A thread that carries none is not concerned.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

# One for the process, as CPython's own lock is.
_BATON = threading.Lock()
_THREAD = threading.local()


@contextmanager
def carrying() -> Iterator[None]:
    """Compute while no other thread of the process does, but where the block lays it down."""
    with _BATON:
        _THREAD.carries = True
        try:
            yield
        finally:
            _THREAD.carries = False


@contextmanager
def laid_down() -> Iterator[None]:
    """Let others compute while the block waits."""
    if not getattr(_THREAD, "carries", False):
        yield
        return
    _THREAD.carries = False
    _BATON.release()
    try:
        yield
    finally:
        _BATON.acquire()
        _THREAD.carries = True
