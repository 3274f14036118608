"""Which held files are due, on each kind of database."""

import pytest

from app.model import Project
from app.store import Store
from app.store.verifying import DueFile
from tests.test_store import SIX, file

DAY = 86_400
EVERY = 30 * DAY
FILE = file()


@pytest.mark.parametrize("number", [1, 60_000, 20_000_000, (1 << 31) - 1])
def test_a_held_file_is_due_in_time_whatever_its_number(store: Store, number: int) -> None:
    """Not in the first half of the interval, for certain at its end, and never twice."""
    store.record(Project(SIX, (FILE,)))
    store._db.execute_sql(f"UPDATE file SET id = {number}")  # type: ignore[no-untyped-call]  # noqa: SLF001, S608
    store.hold(FILE.path, "/srv/hot", 10, verified_at=1000)
    assert [] == list(store.due(1000 + EVERY // 2 - 1, EVERY))
    assert [DueFile(FILE.path, "/srv/hot", 10)] == list(store.due(1000 + EVERY, EVERY))
    store.note_verified(FILE.path, "/srv/hot", 1000 + EVERY)
    assert [] == list(store.due(1000 + EVERY, EVERY))
