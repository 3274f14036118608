"""The files that nobody holds, on each kind of database."""

from dataclasses import replace

from app.model import Project
from app.store import Store
from tests.test_store import SIX, file


def test_what_may_be_held_and_is_not(store: Store) -> None:
    """In the order in which it was listed; without what is held, too large, or of no known size."""
    sized = [replace(file(number), size=10 * number) for number in (3, 1, 2)]
    sized[0] = replace(sized[0], core_metadata={"sha256": "ab" * 32})
    store.record(Project(SIX, (*sized, replace(file(4), size=None), replace(file(5), hashes={}))))
    numbered = {path: number for number, path, *_ in store.unheld(100)}
    assert [one.path for one in sized] == list(numbered)
    assert [(30, True), (10, False), (20, False)] == [row[2:] for row in store.unheld(100)]
    store.hold(file(1).path, "/srv/hot", 10)
    assert [file(2).path] == [path for _, path, *_ in store.unheld(20)]
    assert sorted(numbered.values()) == list(numbered.values())
