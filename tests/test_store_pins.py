"""Pins, on each kind of database."""

from app.model import Project
from app.store import Pinned, Store
from tests.test_store import SIX, file


def test_pins_are_kept_with_reason_and_time(store: Store) -> None:
    """By path, whatever the order in which they were made."""
    store.record(Project(SIX, (file(1), file(2), file(3))))
    assert [] == store.pin([file(2).path, file(1).path], "numpy>=2", 100)
    expected = [Pinned(file(1).path, "numpy>=2", 100), Pinned(file(2).path, "numpy>=2", 100)]
    assert expected == list(store.pins())


def test_a_file_is_pinned_once(store: Store) -> None:
    """Pinned again it keeps its time, and has the new reason; named twice, too."""
    store.record(Project(SIX, (file(1),)))
    store.pin([file(1).path, file(1).path], "numpy", 100)
    assert [] == store.pin([file(1).path], "pandas", 200)
    assert [Pinned(file(1).path, "pandas", 100)] == list(store.pins())


def test_what_no_page_lists_is_not_pinned(store: Store) -> None:
    """Whoever asked is told, in the order of the question."""
    store.record(Project(SIX, (file(1), file(2))))
    store.record(Project(SIX, (file(1),)))
    paths = [file(3).path, file(1).path, file(2).path]
    assert [file(3).path, file(2).path] == store.pin(paths, "numpy", 100)
    assert [file(1).path] == [pinned.path for pinned in store.pins()]


def test_a_pin_waits_for_a_file_that_is_hidden(store: Store) -> None:
    """Nothing may wish for it meanwhile."""
    store.record(Project(SIX, (file(1),)))
    store.pin([file(1).path], "numpy", 100)
    store.record_all([(Project(SIX, (file(1),)), False)], {SIX: {file(1).path}})
    assert [] == list(store.pins())
    store.record_all([(Project(SIX, (file(1),)), False)])
    assert [file(1).path] == [pinned.path for pinned in store.pins()]


def test_pins_are_taken_off(store: Store) -> None:
    """Those that are there are counted."""
    store.record(Project(SIX, (file(1), file(2))))
    store.pin([file(1).path, file(2).path], "numpy", 100)
    assert 1 == store.unpin([file(1).path, file(3).path])
    assert 0 == store.unpin([file(1).path])
    assert [file(2).path] == [pinned.path for pinned in store.pins()]


def test_a_pin_goes_with_its_file(store: Store) -> None:
    """What is forgotten is wished for by nobody."""
    store.record(Project(SIX, (file(1),)))
    store.pin([file(1).path], "numpy", 100)
    store.record(Project(SIX, ()))
    assert 1 == store.forget_gone()
    assert 0 == store.unpin([file(1).path])
