"""Networks in plain text: only where they shall be kept, and no longer than votes."""

import sqlite3
from pathlib import Path

import pytest

from app.model import Vote
from app.store import Store
from tests.web_fakes import WHEEL


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return an empty database."""
    return Store.open(f"sqlite:///{tmp_path}/larder.db")


def _vote(number: int, time: int, *, named: bool = True) -> Vote:
    client = f"192.0.{number}.0/24" if named else None
    return Vote(WHEEL, number - 5, time, client=client)


def test_without_names_there_is_not_even_a_table(store: Store, tmp_path: Path) -> None:
    """Nobody has to wonder what is in it."""
    store.keep_networks([_vote(1, 100, named=False)])
    store.forget_networks(1000)
    assert ([], 0) == (list(store.networks()), store.count_networks(1000))
    with sqlite3.connect(tmp_path / "larder.db") as database:
        assert (
            [] == database.execute("SELECT 1 FROM sqlite_master WHERE name = 'network'").fetchall()
        )


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
