"""An outage of the database is in the log twice, however many ask meanwhile."""

import threading

import pytest

from app.store import StoreAwayError
from app.web.outage import Outage


def test_it_is_told_when_it_begins_and_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    """By one of many threads; the next outage is another one."""
    outage = Outage("decided without the database", "decided with the database again")
    outage.end()
    for number in (1, 2):
        for act in (lambda number=number: outage.note(StoreAwayError(str(number))), outage.end):
            threads = [threading.Thread(target=act) for _ in range(20)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    expected = [
        "decided without the database: 1",
        "decided with the database again",
        "decided without the database: 2",
        "decided with the database again",
    ]
    assert expected == caplog.messages
