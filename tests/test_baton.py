"""`app.baton`: who computes, and who waits."""

import threading

import pytest

from app.baton import carrying, laid_down

_PATIENCE = 10.0
_SHORT = 0.2


class TestBaton:
    """A process's threads, some of which carry it."""

    def test_one_computes(self) -> None:
        """Of two threads that carry, the second comes when the first is done."""
        order: list[str] = []
        inside, go_on = threading.Event(), threading.Event()

        def first() -> None:
            with carrying():
                inside.set()
                go_on.wait(_PATIENCE)
                order.append("first")

        def second() -> None:
            with carrying():
                order.append("second")

        threads = [threading.Thread(target=first), threading.Thread(target=second)]
        threads[0].start()
        inside.wait(_PATIENCE)
        threads[1].start()
        go_on.set()
        for thread in threads:
            thread.join(_PATIENCE)
        assert order == ["first", "second"]

    def test_laid_down(self) -> None:
        """While one waits, another computes; what was laid down is carried again."""
        order: list[str] = []
        waiting, done = threading.Event(), threading.Event()

        def waits() -> None:
            with carrying():
                with laid_down():
                    waiting.set()
                    done.wait(_PATIENCE)
                order.append("waited")

        thread = threading.Thread(target=waits)
        thread.start()
        waiting.wait(_PATIENCE)
        with carrying():
            order.append("computed")
            done.set()
        thread.join(_PATIENCE)
        assert order == ["computed", "waited"]

    def test_nested(self) -> None:
        """To lay down what is laid down already changes nothing."""
        with carrying():
            with laid_down(), laid_down():
                pass
            assert not _comes(_SHORT)
        assert _comes(_PATIENCE)

    def test_after_an_error(self) -> None:
        """An error in the middle leaves the baton to the others."""
        with pytest.raises(KeyError), carrying(), laid_down():
            raise KeyError
        assert _comes(_PATIENCE)

    def test_not_carried(self) -> None:
        """Who carries none lays none down: the one who does keeps it."""
        with carrying():
            thread = threading.Thread(target=_lay_down_nothing)
            thread.start()
            thread.join(_PATIENCE)
            assert not _comes(_SHORT)


def _lay_down_nothing() -> None:
    with laid_down():
        pass


def _comes(patience: float) -> bool:
    """Whether another thread gets the baton in time."""
    came = threading.Event()

    def tries() -> None:
        with carrying():
            came.set()

    thread = threading.Thread(target=tries, daemon=True)
    thread.start()
    return came.wait(patience)
