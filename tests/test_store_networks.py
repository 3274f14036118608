"""Networks in plain text: only where they shall be kept, and no longer than votes."""

from app.model import Vote
from app.store import Store
from tests.web_fakes import WHEEL


def _vote(number: int, time: int, *, named: bool = True) -> Vote:
    client = f"192.0.{number}.0/24" if named else None
    return Vote(WHEEL, number - 5, time, client=client)


def test_without_names_there_is_not_even_a_table(store: Store) -> None:
    """Nobody has to wonder what is in it."""
    store.keep_networks([_vote(1, 100, named=False)])
    store.forget_networks(1000)
    assert ([], 0) == (list(store.networks()), store.count_networks(1000))
    assert not store._db.table_exists("network")  # noqa: SLF001


def test_a_network_is_kept_once_until_it_has_not_voted_for_long(store: Store) -> None:
    """Its last vote counts, in whatever order they come."""
    store.keep_networks([_vote(1, 100), _vote(2, 300), _vote(2, 200), _vote(3, 100, named=False)])
    store.keep_networks([_vote(1, 250)])
    store.keep_networks([_vote(1, 50)])
    expected = [(-4, "192.0.1.0/24"), (-3, "192.0.2.0/24")]
    assert expected == sorted(store.networks())
    assert (0, 1, 2) == tuple(store.count_networks(before) for before in (250, 251, 301))
    store.forget_networks(251)
    assert expected[1:] == list(store.networks())
