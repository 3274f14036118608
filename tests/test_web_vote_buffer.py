"""Tests of `app.web.vote_buffer` and of the vote's route."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from falcon.testing import TestClient

from app.clients import network_id
from app.lost_votes import Ledger, Numbers
from app.model import Vote
from app.store import StoreError
from app.web import vote_buffer
from app.web.application import create_app
from app.web.metrics import Metrics
from app.web.vote_buffer import BATCH, Safe, VoteBuffer
from app.web.votes import NETWORK_HEADER
from tests.fake_pypi import FakePypi
from tests.fake_pypi.asking import asking
from tests.serving import wait_until
from tests.web_fakes import WHEEL, MemoryStore, Mirror, other_wheel


@pytest.fixture
def mirror(tmp_path: Path, fake_pypi: FakePypi) -> Mirror:
    """Return an application's parts."""
    with asking(fake_pypi) as host:
        return Mirror(tmp_path / "simple", host)


@pytest.fixture
def client(mirror: Mirror) -> TestClient:
    """Return a client of the application."""
    return TestClient(create_app(mirror.parts()))


def _votes(count: int) -> list[Vote]:
    return [Vote(other_wheel(number), number, 1_700_000_000) for number in range(count)]


def _vote(client: TestClient, path: str, network: str) -> int:
    return client.simulate_get(f"/votes/{path}", headers={NETWORK_HEADER: network}).status_code


def test_a_vote_is_taken_without_the_database(client: TestClient, mirror: Mirror) -> None:
    """The answer does not wait, and is the same when the database is gone."""
    mirror.store.broken = True
    assert 204 == _vote(client, WHEEL, "192.0.2.0/24")
    assert [] == mirror.store.votes()
    mirror.store.broken = False
    mirror.buffer.close()
    number = network_id(b"key", "192.0.2.0/24")
    assert [Vote(WHEEL, number, 1_700_000_000)] == mirror.store.votes()


def test_every_spelling_of_a_network_is_one_number(client: TestClient, mirror: Mirror) -> None:
    """What nginx writes as `2001:db8:0::/48` is `2001:db8::/48`."""
    for network in ("2001:db8:0::/48", "2001:db8::/48", "2001:db8::1"):
        assert 204 == _vote(client, WHEEL, network)
    mirror.buffer.close()
    assert 1 == len({vote.network for vote in mirror.store.votes()})


@pytest.mark.parametrize(
    ("path", "network"),
    [
        ("ab/cd/ef/six.whl", "192.0.2.0/24"),
        (WHEEL, ""),
        (WHEEL, "unix:"),
        (WHEEL.replace("six", ".six"), "192.0.2.0/24"),
    ],
)
def test_what_is_no_vote_is_answered_alike(
    client: TestClient, mirror: Mirror, path: str, network: str
) -> None:
    """Here nginx must never see an error here; it is counted as skipped."""
    assert 204 == _vote(client, path, network)
    mirror.buffer.close()
    assert [] == mirror.store.votes()
    assert 1 == mirror.counted("votes", "skipped")


def test_votes_are_written_by_a_thread_within_a_second() -> None:
    """Nobody has to ask for it."""
    store, metrics = MemoryStore(), Metrics()
    buffer = VoteBuffer(store, 300, metrics)
    for vote in _votes(3):
        buffer.put(vote)
    wait_until(lambda: len(store.votes()) == 3, 2)
    assert _votes(3) == store.votes()
    buffer.close()


def test_no_transaction_is_too_long() -> None:
    """Many votes are written in several transactions, in order."""
    store = MemoryStore(broken=True)
    buffer = VoteBuffer(store, 300, Metrics())
    for vote in _votes(BATCH + 1):
        buffer.put(vote)
    store.broken = False
    buffer.close()
    assert [BATCH, 1] == [len(batch) for batch in store.written]
    assert _votes(BATCH + 1) == store.votes()


def test_votes_wait_for_a_database_that_is_locked(mirror: Mirror) -> None:
    """A failed transaction costs no vote and no order."""
    mirror.store.broken = True
    for vote in _votes(3):
        mirror.buffer.put(vote)
    assert not mirror.buffer.flush()
    mirror.store.broken = False
    assert mirror.buffer.flush()
    assert _votes(3) == mirror.store.votes()
    assert 0 == mirror.counted("votes", "lost")
    assert 3 == mirror.counted("votes", "accepted")
    mirror.buffer.close()


def test_the_oldest_are_lost_and_counted_when_too_many_wait() -> None:
    """Memory is bounded; what is dropped is what matters least by now."""
    mirror_metrics, store = Metrics(), MemoryStore(broken=True)
    buffer = VoteBuffer(store, 300, mirror_metrics, safe=Safe(capacity=10))
    for vote in _votes(12):
        buffer.put(vote)
        buffer.flush()
    store.broken = False
    buffer.close()
    assert _votes(12)[2:] == store.votes()
    assert 'larder_votes_total{outcome="lost"} 2.0' in mirror_metrics.exposition().decode()


def test_what_cannot_be_written_at_the_end_is_lost_and_counted(mirror: Mirror) -> None:
    """Where the disk does not take it either."""
    mirror.store.broken = True
    for vote in _votes(2):
        mirror.buffer.put(vote)
    mirror.buffer.close()
    assert 2 == mirror.counted("votes", "lost")


def test_what_cannot_be_written_at_the_end_is_left_behind(tmp_path: Path) -> None:
    """All of it, in order, and none of it is lost."""
    left: list[Vote] = []
    ledger = Ledger.open(tmp_path)
    buffer = VoteBuffer(MemoryStore(broken=True), 300, Metrics(), ledger, Safe(left.extend))
    for vote in _votes(3):
        buffer.put(vote)
    buffer.close()
    assert (_votes(3), Numbers(3, 3, 0)) == (left, ledger.numbers)


def test_a_server_that_does_not_answer_holds_up_no_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is on its way there is left behind as well; it counts as written once."""
    monkeypatch.setattr(vote_buffer, "PATIENCE", 0.01)
    began, go_on = threading.Event(), threading.Event()

    def hang() -> None:
        began.set()
        assert go_on.wait(10)

    left: list[Vote] = []
    store, ledger = _Failing(hang), Ledger.open(tmp_path)
    buffer = VoteBuffer(store, 300, Metrics(), ledger, Safe(left.extend))
    buffer.put(_votes(1)[0])
    assert began.wait(10)
    for vote in _votes(3)[1:]:
        buffer.put(vote)
    buffer.close()
    assert _votes(3) == left
    go_on.set()
    wait_until(lambda: _votes(1) == store.written)
    buffer.close()
    assert (_votes(3), Numbers(3, 3, 0)) == (left, ledger.numbers)


def test_the_ledger_has_every_vote(tmp_path: Path) -> None:
    """What is taken is written, waiting, or lost; and a kill would tell so."""
    ledger, store = Ledger.open(tmp_path), MemoryStore()
    buffer = VoteBuffer(store, 300, Metrics(), ledger, Safe(capacity=10))
    for vote in _votes(5):
        buffer.put(vote)
    assert buffer.flush()
    assert Numbers(5, 5, 0) == ledger.numbers
    store.broken = True
    for vote in _votes(12):
        buffer.put(vote)
    assert Numbers(17, 5, 2) == ledger.numbers
    buffer.close()
    assert Numbers(17, 5, 12) == ledger.numbers


class _Failing:
    """A store whose first call fails in its own way."""

    def __init__(self, fail: Callable[[], None]) -> None:
        self.fail: Callable[[], None] | None = fail
        self.written: list[Vote] = []

    def keep_networks(self, votes: Sequence[Vote]) -> None:
        """Keep none."""

    def add_votes(self, votes: Sequence[Vote], window: int) -> int:
        """Fail once, then keep the votes."""
        assert window == 300
        if self.fail is not None:
            fail, self.fail = self.fail, None
            fail()
        self.written.extend(votes)
        return len(votes)


def _raise_key_error() -> None:
    raise KeyError("a fault of ours")


def test_a_vote_that_cannot_be_counted_holds_up_no_other() -> None:
    """An error that trying again does not mend costs its batch, not the thread."""
    store = _Failing(_raise_key_error)
    buffer = VoteBuffer(store, 300, Metrics())
    buffer.put(_votes(1)[0])
    assert buffer.flush()
    buffer.put(_votes(2)[1])
    buffer.close()
    assert [_votes(2)[1]] == store.written


def test_votes_come_in_while_others_are_written() -> None:
    """A slow transaction delays no client, and loses nothing."""
    began, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        began.set()
        assert go_on.wait(10)

    store = _Failing(wait)
    buffer = VoteBuffer(store, 300, Metrics())
    buffer.put(_votes(1)[0])
    assert began.wait(10)
    for vote in _votes(50)[1:]:
        buffer.put(vote)
    go_on.set()
    buffer.close()
    assert _votes(50) == store.written


def test_an_error_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """A database that is gone for an hour does not fill the log."""
    store = MemoryStore(broken=True)
    buffer = VoteBuffer(store, 300, Metrics())
    buffer.put(_votes(1)[0])
    for _ in range(5):
        buffer.flush()
    store.broken = False
    buffer.close()
    expected = ["votes have to wait: database is locked", "votes are counted again"]
    assert expected == [record.message for record in caplog.records]


def test_a_store_that_raises_store_error_is_tried_again() -> None:
    """The store's own error is one of those that pass."""

    def fail() -> None:
        raise StoreError("disk I/O error")

    store = _Failing(fail)
    buffer = VoteBuffer(store, 300, Metrics())
    buffer.put(_votes(1)[0])
    assert not buffer.flush()
    buffer.close()
    assert _votes(1) == store.written
