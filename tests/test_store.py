"""The database, on real SQLite files and a real PostgreSQL server."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app.model import File, Project, Vote
from app.names import ProjectName, parse_file_path, parse_filename
from app.planning import ProjectState
from app.store import Failure, Settled, Store, StoreBusyError, StoreError, UnlistedError
from app.store.sqlite_statements import SqliteStatements
from tests.conftest import NewDatabase
from tests.mirrors import put_wish

SIX = ProjectName("six")


def file(number: int = 1, **data: object) -> File:
    """Return a file of our own for each number."""
    name = parse_filename(f"six-{number}.tar.gz")
    path = parse_file_path(f"aa/bb/{number:060x}/{name}")
    return File(name, path, {"sha256": f"{number:064x}"}, **data)  # type: ignore[arg-type]


def test_a_recorded_project_is_not_in_step_until_it_is_settled(store: Store) -> None:
    """The serial comes last: a kill in between is seen."""
    store.record(Project(SIX, (file(),), serial=7))
    before = store.tracked_project(SIX)
    store.settle(SIX, Settled(7, '"etag"', None, 100))
    after = store.tracked_project(SIX)
    assert before is not None
    assert after is not None
    assert (None, None) == (before.serial, before.checked_at)
    assert (7, '"etag"', 100) == (after.serial, after.etag, after.checked_at)


def test_a_file_that_the_page_drops_is_not_listed(store: Store) -> None:
    """It is unknown to whoever asks, and its row goes when nothing holds it."""
    store.record(Project(SIX, (file(1), file(2))))
    store.record(Project(SIX, (file(2),)))
    assert store.file(file(1).path) is None
    assert store.file(file(2).path) is not None
    assert (1, 0) == store.forgettable()
    assert store.forget_gone() == 1


def test_a_file_that_comes_back_is_listed_again(store: Store) -> None:
    """PyPI un-hides files when a quarantine ends."""
    for files in ((file(1),), (), (file(1),)):
        store.record(Project(SIX, files))
    assert store.file(file(1).path) is not None


def test_another_project_does_not_take_a_file_over(store: Store) -> None:
    """A hostile page that lists another's path changes nothing about it."""
    store.record(Project(SIX, (file(1, size=10),)))
    store.record(Project(ProjectName("evil"), (file(1, size=666),)))
    found = store.file(file(1).path)
    assert found is not None
    assert (SIX, 10) == (found.project, found.size)


def test_a_size_that_was_asked_for_stays(store: Store) -> None:
    """An index that tells no sizes does not make it forget."""
    store.record(Project(SIX, (file(1),)))
    store.set_size(file(1).path, 77, 5)
    store.record(Project(SIX, (file(1, upload_time="2024-12-04T17:35:28Z"),)))
    found = store.file(file(1).path)
    assert found is not None
    assert (77, "2024-12-04T17:35:28Z") == (found.size, found.upload_time)


def test_a_forgotten_project_leaves_its_held_files_to_be_evicted(store: Store) -> None:
    """Its rows stay until nothing of it is held."""
    store.record(Project(SIX, (file(1),)))
    store.hold(file(1).path, "/hot", 10)
    store.bury(SIX, None, 100)
    assert store.count_tracked() == 0
    assert [(file(1).path, False)] == [(held.path, held.listed) for held in store.holdings()]
    assert (0, 0) == store.forgettable()
    assert store.forget_gone() == 0
    store.release([file(1).path])
    assert store.forget_gone() == 1
    assert (0, 0) == store.forgettable()


def test_a_tombstone_stays_while_the_list_names_the_project(store: Store) -> None:
    """It keeps the serial, survives cleaning, and falls when it is told to."""
    store.record(Project(ProjectName("gone"), (file(1),)))
    store.bury(ProjectName("gone"), None, 100)
    store.bury(SIX, 7, 100)
    assert (1, 1) == store.forgettable()
    assert 1 == store.forget_gone()
    assert (0, 0) == store.forgettable()
    (buried,) = store.states([])
    assert (SIX, True, 7) == (buried.name, buried.gone, buried.gone_serial)
    assert store.count_tracked() == 0
    store.exhume([SIX])
    assert (0, 1) == store.forgettable()
    assert list(store.states([])) == []


def test_what_is_known_is_told_with_whether_a_folder_is_there(store: Store) -> None:
    """By name: the tracked and the tombstones, then the folders that nothing is known of."""
    for name in ("cc", "aa", "bb", "dd"):
        store.record(Project(ProjectName(name)))
        store.settle(ProjectName(name), Settled(7, None, None, 100))
    store.bury(ProjectName("bb"), 9, 100)
    store.bury(ProjectName("dd"), None, 100)
    store.fail(ProjectName("cc"), Failure("stale", "a stale copy", 100, 160))
    folders = [ProjectName(name) for name in ("zz", "dd", "cc", "yy")]
    expected = [
        ProjectState(ProjectName("aa"), 7, 100, page=False),
        ProjectState(ProjectName("bb"), None, None, page=False, gone_serial=9, gone=True),
        ProjectState(ProjectName("cc"), 7, 100, retry_at=160),
        *(ProjectState(ProjectName(name), None, None) for name in ("dd", "yy", "zz")),
    ]
    assert expected == list(store.states(folders))
    # Whoever stops reading in the middle leaves nothing behind.
    next(store.states(folders))
    assert expected == list(store.states(folders))


def test_as_many_folders_as_projects_may_be_others(store: Store) -> None:
    """One was deleted, and one is unknown: both are told."""
    store.record(Project(SIX))
    found = store.states([ProjectName("idna")])
    assert [(SIX, False), ("idna", True)] == [(state.name, state.page) for state in found]


def test_the_root_lists_what_has_a_page(store: Store) -> None:
    """By name, with serials where there are any."""
    for name, serial in (("bb", None), ("aa", 7), ("cc", 8)):
        store.record(Project(ProjectName(name)))
        store.settle(ProjectName(name), Settled(serial, None, None, 100))
    store.record(Project(SIX))
    store.bury(ProjectName("cc"), None, 100)
    assert [("aa", 7), ("bb", None)] == list(store.listed())
    names = [ProjectName(name) for name in ("aa", "cc", "six", "zz")]
    assert {"aa", "six"} == store.tracked_among(names)


def test_what_was_withdrawn_is_found_without_going_through_all_files(tmp_path: Path) -> None:
    """Each run that changed anything asks, and PyPI has fifteen million."""
    Store.open(f"sqlite:///{tmp_path}/larder.db").close()
    with sqlite3.connect(tmp_path / "larder.db") as database:
        explained = database.execute(f"EXPLAIN QUERY PLAN {SqliteStatements.withdrawn}")
        plan = [row[3] for row in explained]
    database.close()
    scans = {"SCAN file USING INDEX file_unlisted", "SCAN file USING INDEX file_hidden"}
    assert scans <= set(plan)


def test_held_files_may_be_kept_though_upstream_deleted_them(store: Store) -> None:
    """For archives: what is held stays known, the rest does not."""
    store.record(Project(SIX, (file(1), file(2))))
    store.hold(file(1).path, "/hot", 10)
    store.record(Project(SIX), keep_held=True)
    assert store.file(file(1).path) is not None
    assert store.file(file(2).path) is None
    assert store.withdrawn() == []
    store.record(Project(SIX, status="quarantined"))
    assert [file(1).path] == [held.path for held in store.withdrawn()]


def test_the_mark_changes_with_names_and_serials(store: Store) -> None:
    """Also when two serials trade places."""
    marks = [store.index_mark()]
    for name, serial in (("aa", 1), ("bb", 2), ("aa", 2), ("bb", 1), ("aa", 3)):
        store.record(Project(ProjectName(name)))
        store.settle(ProjectName(name), Settled(serial, None, None, 100))
        marks.append(store.index_mark())
    store.bury(ProjectName("aa"), None, 100)
    marks.append(store.index_mark())
    assert len(set(marks)) == len(marks)


def test_the_first_failure_is_remembered_until_success(store: Store) -> None:
    """`status` tells since when a project is stuck."""
    store.record(Project(SIX))
    store.fail(SIX, Failure("stale", "a stale copy", 100, 160))
    store.fail(SIX, Failure("stale", "still stale", 200, 320))
    failing = store.tracked_project(SIX)
    assert failing is not None
    assert ("still stale", 100) == (failing.failure, failing.failing_since)
    assert (2, 320, "stale") == (failing.tries, failing.retry_at, failing.failure_kind)
    assert [SIX] == [project.name for project in store.failing()]
    assert (0, 1) == (store.count_stuck(100), store.count_stuck(101))
    store.confirm(SIX, 300)
    healed = store.tracked_project(SIX)
    assert healed is not None
    assert (None, None, 300) == (healed.failure, healed.failing_since, healed.checked_at)


def test_a_wish_replaces_the_one_before(store: Store) -> None:
    """And a file that is listed no more is not wished for."""
    store.record(Project(SIX, (file(1), file(2))))
    put_wish(store, {file(1).path: (0, 1.0), file(2).path: (1, 0.5)})
    put_wish(store, {file(2).path: (0, 2.0)})
    assert {file(2).path: (0, 2.0)} == store.wish()
    store.record(Project(SIX, (file(1),)))
    assert store.wish() == {}


def test_a_file_is_held_on_one_tier(store: Store) -> None:
    """Holding it elsewhere moves it."""
    store.record(Project(SIX, (file(1),)))
    for root in ("/hot", "/cold"):
        store.hold(file(1).path, root, 10)
    assert store.held_in(file(1).path) == "/cold"
    assert len(list(store.holdings())) == 1


def test_what_a_tier_holds_is_counted_with_every_change(store: Store) -> None:
    """Another size, another tier, twice the same, and what is held no more."""
    store.record(Project(SIX, (file(1), file(2), file(3))))
    for number in (1, 2, 3):
        store.hold(file(number).path, "/hot", 10 * number)
    store.hold(file(1).path, "/hot", 11)
    store.hold(file(2).path, "/cold", 20)
    assert {"/hot": (2, 41), "/cold": (1, 20)} == store.held_by_tier()
    store.release([file(3).path, file(2).path, file(2).path])
    store.release([file(3).path])
    assert {"/hot": (1, 11), "/cold": (0, 0)} == store.held_by_tier()


@pytest.mark.parametrize("gone", ["row", "listing"])
def test_a_file_that_no_page_lists_cannot_be_held(store: Store, gone: str) -> None:
    """Whether its row is there still or not; the error is the store's own."""
    store.record(Project(SIX, (file(1),)))
    store.record(Project(SIX, ()))
    if gone == "row":
        store.forget_gone()
    with pytest.raises(UnlistedError, match=r"no page lists .*six-1"):
        store.hold(file(1).path, "/hot", 10)
    assert list(store.holdings()) == []


def test_a_row_that_is_gone_is_an_error_with_a_sentence(store: Store) -> None:
    """And no crash, whatever took it away."""
    store._engine.sql("DELETE FROM setting WHERE key = 'network_key'")  # noqa: SLF001
    with pytest.raises(StoreError, match="gone from the database"):
        store.network_key()


def test_only_files_without_a_size_are_asked_about(store: Store) -> None:
    """And not again within the time that an answer is good for."""
    store.record(Project(SIX, (file(1), file(2, size=5), file(3))))
    store.add_votes([Vote(file(number).path, 1, 100) for number in (1, 2, 3)], 300)
    store.set_size(file(3).path, None, 1000)
    assert [file(1).path] == [known.path for known in store.unsized(1, 1000)]
    assert [file(1).path, file(3).path] == [known.path for known in store.unsized(1, 1001)]
    assert [] == list(store.unsized(2, 1001))


def test_the_network_key_is_made_once(new_database: NewDatabase) -> None:
    """It is a secret of the database, the same for every process."""
    url = new_database()
    with closing(Store.open(url)) as first, closing(Store.open(url)) as second:
        assert first.network_key() == second.network_key()
        assert len(first.network_key()) == 32
        with closing(Store.open(new_database())) as other:
            assert other.network_key() != first.network_key()


def test_a_locked_database_is_busy_and_not_broken(tmp_path: Path) -> None:
    """The error tells the two apart, and the next try works."""
    path = tmp_path / "larder.db"
    store = Store.open(f"sqlite:///{path}")
    store._db.execute_sql("PRAGMA busy_timeout = 50")  # type: ignore[no-untyped-call]  # noqa: SLF001
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusyError):
        store.record(Project(SIX))
    other.execute("ROLLBACK")
    other.close()
    store.record(Project(SIX))
    store.close()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    """The message says which file cannot be opened, and what to do."""
    path = tmp_path / "larder.db"
    path.write_text("this is not a database, but it is long enough to look like one" * 20)
    with pytest.raises(
        StoreError, match=r"larder\.db cannot be opened: .*; move it away; .*rebuilds it"
    ):
        Store.open(f"sqlite:///{path}")


def test_tables_of_another_version_are_refused(database: str) -> None:
    """A database that a later larder made is not touched."""
    with closing(Store.open(database)) as store:
        store.keep("schema", b"99")
    with pytest.raises(StoreError, match="version 99"):
        Store.open(database)


def test_a_file_that_is_moved_away_is_let_go(tmp_path: Path) -> None:
    """Nobody else would see what is written there; another in its place is used at once."""
    url, path = f"sqlite:///{tmp_path}/larder.db", tmp_path / "larder.db"
    with closing(Store.open(url)) as store:
        store.keep("a", b"old")
        path.rename(tmp_path / "away")
        for _ in range(2):
            with pytest.raises(StoreBusyError, match=r"larder\.db is gone"):
                store.keep("a", b"lost")
        Store.open(url).close()
        assert store.setting("a") is None
        store.keep("a", b"new")
        with closing(Store.open(url)) as other:
            assert b"new" == other.setting("a")
