"""What was served, in the database: by the hour, for a year, and its sums."""

from app.store import Store
from app.traffic import Amount, Answer, Kind

HIT = Kind(Answer.HELD, "/srv/hot", "hit")
AWAY = Kind(Answer.REDIRECT, "", "not-held")


def add(store: Store, hour: int, kind: Kind, *amounts: int) -> None:
    """Add one row, and a position in the spool that tells how many were added."""
    store.add_traffic({(hour, kind): Amount(*amounts)}, 7, store.spool_position(7) + 1)


def test_hours_add_up(store: Store) -> None:
    """What comes later for an hour is added to it; a span ends before its last hour."""
    add(store, 10, HIT, 1, 100)
    add(store, 10, HIT, 2, 50)
    add(store, 11, AWAY, 1, 0, 900)
    add(store, 12, HIT, 1, 1)
    assert {HIT: Amount(3, 150), AWAY: Amount(1, 0, 900)} == store.traffic(10, 12)
    assert {} == store.traffic(0, 10)
    assert 4 == store.spool_position(7)


def test_sums_outlive_the_hours(store: Store) -> None:
    """What was ever served never goes down, as a counter of Prometheus' must not."""
    add(store, 10, HIT, 1, 100)
    add(store, 20, HIT, 1, 100)
    expected = {HIT: Amount(2, 200)}
    assert expected == store.traffic_ever()
    assert 1 == store.count_old_traffic(20)
    store.forget_traffic(20)
    assert 0 == store.count_old_traffic(20)
    assert {HIT: Amount(1, 100)} == store.traffic(0, 30)
    assert expected == store.traffic_ever()


def test_sums_may_be_large(store: Store) -> None:
    """A petabyte in an hour, a billion requests."""
    add(store, 10, HIT, 1 << 40, 1 << 55)
    add(store, 10, HIT, 1 << 40, 1 << 55)
    assert Amount(1 << 41, 1 << 56) == store.traffic(10, 11)[HIT]
