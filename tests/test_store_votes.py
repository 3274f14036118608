"""Votes in the database: counted once in a window, weighed by age, expired."""

import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.model import Project, Vote, VoteSource
from app.names import ProjectName
from app.scoring import Transfer
from app.store import Store
from tests.conftest import NewDatabase
from tests.test_store import SIX, file

HOUR = 3600
WINDOW = 300
NOW = int(time.time()) // HOUR * HOUR - HOUR + 60
"""Early in the hour before: by the hour, and never in the future."""


def add(store: Store, *votes: Vote) -> None:
    """Have votes counted, all of them."""
    assert len(votes) == store.add_votes(votes, WINDOW)


def test_a_network_votes_once_in_a_window(store: Store) -> None:
    """The window starts with the vote that counts, and the swallowed do not extend it."""
    store.record(Project(SIX, (file(1),)))
    path = file(1).path
    votes = [Vote(path, 1, time) for time in (0, 299, 300, 599, 600)]
    assert store.add_votes(votes, WINDOW) == 3
    assert [0, 300, 600] == [time for _, time in store.votes(0)]


def test_counting_the_same_votes_again_counts_nothing(store: Store) -> None:
    """A spool that is read twice, after a kill, changes nothing."""
    store.record(Project(SIX, (file(1),)))
    votes = [Vote(file(1).path, network, 100) for network in range(5)]
    assert (5, 0) == (store.add_votes(votes, WINDOW), store.add_votes(votes, WINDOW))


def test_a_late_vote_is_held_against_the_windows_of_its_time(store: Store) -> None:
    """The spool is read after the app has counted younger votes."""
    store.record(Project(SIX, (file(1),)))
    path = file(1).path
    assert store.add_votes([Vote(path, 1, 10_000)], WINDOW) == 1
    assert store.add_votes([Vote(path, 1, 5_000), Vote(path, 1, 5_001)], WINDOW) == 1
    assert store.add_votes([Vote(path, 1, 4_900), Vote(path, 1, 9_900)], WINDOW) == 0


def test_votes_for_unknown_files_are_dropped(store: Store) -> None:
    """A flood of paths that no page lists adds no row."""
    votes = [Vote(file(number).path, 1, 100) for number in range(100)]
    assert store.add_votes(votes, WINDOW) == 0
    assert list(store.votes(0)) == []


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(0, 2000)), max_size=60))
def test_counted_votes_are_a_window_apart(
    new_database: NewDatabase, rows: list[tuple[int, int, int]]
) -> None:
    """Whatever comes in one batch, two counted votes of a pair are a window apart."""
    store = Store.open(new_database())
    store.record(Project(SIX, tuple(file(number) for number in (1, 2, 3))))
    expected = 0
    opened: dict[tuple[int, int], int] = {}
    for number, network, at in sorted(rows, key=lambda row: row[2]):
        if at - opened.get((number, network), -WINDOW) >= WINDOW:
            opened[number, network] = at
            expected += 1
    votes = [Vote(file(number).path, network, at) for number, network, at in rows]
    assert store.add_votes(votes, WINDOW) == expected
    assert len(list(store.votes(0))) == expected
    store.close()


def test_votes_expire_by_the_hour(store: Store) -> None:
    """An hour goes when all of it is older; what is left is what each file has."""
    store.record(Project(SIX, (file(1), file(2))))
    for number in (1, 2):
        add(store, *(Vote(file(number).path, 1, NOW - HOUR * hour) for hour in range(number * 5)))
    limit = NOW - 3 * HOUR
    assert 1 + 6 == store.count_expired(limit)
    assert 1 + 6 == store.expire_votes(limit, NOW - 2 * HOUR, NOW)
    assert 0 == store.count_expired(limit)
    found = {one.file: (one.votes, one.ever) for one in store.popular(NOW)}
    assert {1: (4, 5), 2: (4, 10)} == found
    assert 8 == store.counted()
    assert NOW - 2 * HOUR == min(time for _, time in store.votes(0))


def test_expiry_of_much_goes_through_many_transactions(store: Store) -> None:
    """None is longer than a slice; a vote that comes in between is counted."""
    files = tuple(file(number) for number in range(1, 301))
    store.record(Project(SIX, files))
    add(store, *(Vote(one.path, network, NOW - 9 * HOUR) for one in files for network in range(90)))
    add(store, Vote(files[0].path, 1, NOW))
    assert 27_000 == store.expire_votes(NOW - HOUR, NOW - HOUR, NOW)
    assert [(files[0].path, NOW)] == list(store.votes(0))
    assert [1] == [one.votes for one in store.popular(NOW) if one.votes]


@pytest.mark.parametrize("windows", [0, NOW - 2 * HOUR, NOW + HOUR])
def test_a_vote_counts_once_whatever_expires_first(store: Store, windows: int) -> None:
    """Its window or its hour; and its source is told all the while."""
    store.record(Project(SIX, (file(1),)))
    for hours in range(10):
        source = VoteSource(hours % 3)
        add(store, Vote(file(1).path, hours, NOW - hours * HOUR, source))
    for _ in range(2):
        store.expire_windows(windows)
        assert {VoteSource(0): 4, VoteSource(1): 3, VoteSource(2): 3} == store.counted_by_source()
    assert [4, 0] == [store.expire_votes(NOW - 5 * HOUR, windows, NOW) for _ in range(2)]
    assert {VoteSource(source): 2 for source in range(3)} == store.counted_by_source()
    assert [(6, 10)] == [(one.votes, one.ever) for one in store.popular(NOW)]
    again = [Vote(file(1).path, hours, NOW - hours * HOUR) for hours in range(10)]
    left = len(list(store.votes(0)))
    assert 10 - left == store.add_votes(again, WINDOW)


def test_a_file_that_nobody_wants_any_more_is_forgotten(store: Store) -> None:
    """It keeps its row while its heat may still matter."""
    store.record(Project(SIX, (file(1),)))
    add(store, Vote(file(1).path, 1, NOW))
    for days, left in ((8, 1), (60, 0)):
        later = NOW + days * 24 * HOUR
        store.expire_votes(later - 7 * 24 * HOUR, later - 24 * HOUR, later)
        assert left == len(list(store.popular(later)))


def test_the_position_in_the_spool_moves_with_the_votes(store: Store) -> None:
    """Both are in one transaction, and a deleted spool is forgotten."""
    store.record(Project(SIX, (file(1),)))
    store.add_spooled([Vote(file(1).path, 1, 1)], WINDOW, inode=5, position=120)
    assert (120, 0) == (store.spool_position(5), store.spool_position(6))
    store.forget_spool(5)
    assert store.spool_position(5) == 0


def test_a_vote_halves_every_72_hours(store: Store) -> None:
    """A vote of now counts 1, one of three days ago a half, one of six a quarter."""
    store.record(Project(SIX, (file(1),)))
    for hours in (0, 72, 144):
        add(store, Vote(file(1).path, hours, NOW - hours * HOUR))
    (found,) = store.popular(NOW)
    assert 3 == found.votes
    assert pytest.approx(1.75) == found.heat
    (later,) = store.popular(NOW + 72 * HOUR)
    assert pytest.approx(0.875) == later.heat


def test_a_vote_from_the_future_counts_as_one_of_now(store: Store) -> None:
    """A clock that went back must not make a file immortal."""
    store.record(Project(SIX, (file(1),)))
    before = int(time.time())
    add(store, Vote(file(1).path, 1, before + 10**9))
    ((_, counted),) = store.votes(0)
    assert before <= counted <= time.time()
    (found,) = store.popular(int(time.time()))
    assert 1.0 == round(found.heat, 3)


@pytest.mark.parametrize("later", [0, 10**6, 4 * 10**8, -(10**9)])
def test_another_half_life_begins_with_the_heat_of_now(store: Store, later: int) -> None:
    """So does another reference, after years or a clock that jumped."""
    store.record(Project(SIX, (file(1),)))
    add(store, *(Vote(file(1).path, network, NOW) for network in range(8)))
    now = NOW + later
    (before,) = store.popular(now)
    store.keep_heat(HOUR, now)
    (after,) = store.popular(now)
    (hour_later,) = store.popular(now + HOUR)
    if later >= 0:
        assert pytest.approx(before.heat) == after.heat
    assert pytest.approx(after.heat / 2) == hour_later.heat


def test_what_cannot_be_held_is_not_popular(store: Store) -> None:
    """A file without a digest, or one that no page lists any more."""
    bare = replace(file(3), hashes={})
    store.record(Project(SIX, (file(1), file(2), bare)))
    add(store, *(Vote(one.path, 1, NOW) for one in (file(1), file(2), bare)))
    store.record(Project(SIX, (file(1), bare)))
    assert [file(1).path] == [one.path for one in store.popular(NOW)]
    assert store.popularity(file(2).path, NOW) is None


def test_a_source_is_told_from_another(store: Store) -> None:
    """A warm start's votes can be told from those that clients gave."""
    store.record(Project(SIX, (file(1),)))
    sources = (VoteSource.LIVE, VoteSource.SPOOL, VoteSource.IMPORTED)
    add(store, *(Vote(file(1).path, source, NOW, source) for source in sources))
    assert dict.fromkeys(sources, 1) == store.counted_by_source()


def test_only_what_came_since_takes_heat_over(store: Store) -> None:
    """Not what is there when heat is handed on for the first time, nor a second time."""
    store.record(Project(SIX, (file(1), file(2))))
    add(store, Vote(file(1).path, 1, NOW))
    assert [] == list(store.siblings(store.newest_file(), NOW))
    store.hand_on([], store.newest_file())
    assert [] == list(store.siblings(store.newest_file(), NOW))
    store.record(Project(SIX, (file(1), file(2), file(3))))
    store.record(Project(ProjectName("cold"), (file(4),)))
    ((one, two, three),) = store.siblings(store.newest_file(), NOW)
    assert (False, False, True) == (one.new, two.new, three.new)
    assert [1, 0, 0] == [round(sibling.heat, 6) for sibling in (one, two, three)]
    store.hand_on([Transfer(one.file, three.file, 0.8)], store.newest_file())
    assert [] == list(store.siblings(store.newest_file(), NOW))
    found = {one.path: (round(one.heat, 6), one.inherited) for one in store.popular(NOW)}
    assert {file(1).path: (0.2, False), file(3).path: (0.8, True)} == found


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(0, 400)), max_size=40))
def test_tallies_and_counts_agree(
    new_database: NewDatabase, rows: list[tuple[int, int, int]]
) -> None:
    """Whatever comes and expires, a file has the votes that its hours have."""
    store = Store.open(new_database())
    store.record(Project(SIX, tuple(file(number) for number in (1, 2, 3))))
    for number, network, hours in set(rows):
        add(store, Vote(file(number).path, network, NOW - hours * HOUR))
    store.expire_votes(NOW - 168 * HOUR, 0, NOW)
    assert store.counted() == sum(one.votes for one in store.popular(NOW))
    expected = {row for row in rows if (NOW - row[2] * HOUR) // HOUR >= NOW // HOUR - 168}
    assert len(expected) == store.counted()
    store.close()
