"""How pages were rendered, as the database knows it; and databases of before."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.model import File, Project, Source
from app.names import FilePath, ProjectName, parse_file_path, parse_filename
from app.store import Failure, Outdated, Rendered, Settled, Store, StoreError
from app.store.tables import Schema

SIX = ProjectName("six")
OLD = Path(__file__).parent / "data" / "store" / "version-2.sql"


def settled(mark: str | None, *, legacy: bool = False) -> Settled:
    """Return what is known of a page that was just written."""
    return Settled(7, '"e"', None, 100, rendered=mark, legacy=legacy)


def outdated(store: Store, mark: str, *, legacy: bool = False) -> list[tuple[str, bool, bool]]:
    """Return what is outdated, as plain tuples."""
    found = list(store.outdated(mark, legacy=legacy))
    assert all(isinstance(one, Outdated) for one in found)
    return [(one.name, one.rendered, one.legacy) for one in found]


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """Open a database with projects in different states."""
    opened = Store.open(database)
    pages = {
        "c-next": settled("2"),
        "b-whole": settled("1", legacy=True),
        "a-lacking": settled("1"),
        "d-unknown": settled(None),
        "e-gone": settled("1"),
        "f-failing": settled("1"),
    }
    for name, page in pages.items():
        opened.record(Project(ProjectName(name)))
        opened.settle(ProjectName(name), page)
    opened.record(Project(ProjectName("g-new")))
    opened.bury(ProjectName("e-gone"), None, 5)
    opened.fail(ProjectName("f-failing"), Failure("stale", "its legacy JSON", 50, 60))
    yield opened
    opened.close()


def test_outdated_are_settled_projects_with_another_mark(store: Store) -> None:
    """By name; neither those that are gone, nor those that have no page yet."""
    assert [("c-next", True, False), ("d-unknown", True, False)] == outdated(store, "1")
    expected = ["a-lacking", "b-whole", "d-unknown", "f-failing"]
    assert expected == [name for name, *_ in outdated(store, "2")]


def test_outdated_may_be_those_without_legacy_json(store: Store) -> None:
    """But for those of which it is known why."""
    expected = [("a-lacking", False, True), ("c-next", True, True), ("d-unknown", True, True)]
    assert expected == outdated(store, "1", legacy=True)
    store.note_legacy(ProjectName("a-lacking"), here=False)
    store.note_rendered(ProjectName("c-next"), "1")
    expected = [("c-next", False, True), ("d-unknown", True, True)]
    assert expected == outdated(store, "1", legacy=True)


def test_a_new_page_has_no_legacy_json_of_its_own(store: Store) -> None:
    """What was beside the page of before went with it; one by one, and in bulk."""
    whole = ProjectName("b-whole")
    assert whole not in [name for name, *_ in outdated(store, "1", legacy=True)]
    store.settle(whole, settled("1"))
    assert ("b-whole", False, True) in outdated(store, "1", legacy=True)
    store.settle_all([(whole, settled("1", legacy=True))])
    assert whole not in [name for name, *_ in outdated(store, "1", legacy=True)]
    store.settle_all([(whole, settled("1"))])
    assert ("b-whole", False, True) in outdated(store, "1", legacy=True)


def test_rendering_anew_changes_the_mark_alone(store: Store) -> None:
    """Serial, validators, failure and legacy JSON are what they were."""
    before = {project.name: project for project in store.tracked()}
    names = [ProjectName(name) for name in ("b-whole", "f-failing")]
    store.settle_all((name, Rendered("2")) for name in names)
    for name in names:
        after = store.tracked_project(name)
        assert after is not None
        assert ("1", "2") == (before[name].rendered, after.rendered)
        assert before[name].failure == after.failure
        assert (7, '"e"', 100) == (after.serial, after.etag, after.checked_at)
    assert ("b-whole", True, False) in outdated(store, "1", legacy=True)


def test_sources_are_the_listed_files_of_the_project(store: Store) -> None:
    """With what no page of ours says of them."""

    def file(number: int, origin: str | None = None) -> File:
        name = parse_filename(f"six-{number}.zip")
        path = parse_file_path(f"aa/bb/{number:060x}/{name}")
        return File(name, path, {"sha256": f"{number:064x}"}, origin, provenance=origin)

    url = "https://example.org/six-2.zip"
    store.record(Project(SIX, (file(1), file(2, url), file(3))))
    store.record(Project(SIX, (file(1), file(2, url))))
    store.record(Project(ProjectName("evil"), (file(2), file(4))))
    expected = {
        file(1).path: Source(f"{1:064x}", None, None),
        file(2).path: Source(f"{2:064x}", url, url),
    }
    assert expected == store.sources(SIX)
    assert [file(4).path] == list(store.sources(ProjectName("evil")))


def shape(path: Path) -> dict[str, list[tuple[str, str]]]:
    """Return every table's columns, without their order."""
    with sqlite3.connect(path) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_schema")]
        return {
            table: sorted(row[1:3] for row in database.execute(f"PRAGMA table_info({table})"))
            for table in tables
        }


def rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return every row that a database of version 2 has, with the columns that it has."""
    with sqlite3.connect(path) as database:
        found = {
            table: database.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608
            for table in ("file", "holding", "setting", "tier", "window", "wish")
        }
        found["setting"] = [row for row in found["setting"] if row[0] not in ("schema", "heat")]
        found["project"] = database.execute(
            "SELECT id, name, serial, etag, last_modified, checked_at, gone_at, gone_serial,"
            " status, failure, failure_kind, failing_since, tries, retry_at FROM project"
        ).fetchall()
        return found


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return a database that a larder of before has made."""
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as database:
        database.executescript(OLD.read_text())
    return path


def test_a_database_of_before_is_brought_up_to_date(old: Path, tmp_path: Path) -> None:
    """It has the tables of a new one, and every row that it had."""
    before = rows(old)
    store = Store.open(f"sqlite:///{old}")
    assert [("six", True, True)] == outdated(store, "1", legacy=True)
    assert [FilePath(file.path) for file in store.holdings()] == list(store.sources(SIX))[:1]
    assert b"k" * 32 == store.network_key()
    assert ["bad"] == [project.name for project in store.failing()]
    assert [(1, 0.2)] == [
        (one.votes, round(one.heat, 3)) for one in store.popular(int(time.time()))
    ]
    store.close()
    # When they were hashed last, nobody knows.
    before["holding"] = [(*row, 0) for row in before["holding"]]
    assert before == rows(old)
    Store.open(f"sqlite:///{tmp_path}/new.db").close()
    assert shape(tmp_path / "new.db") == shape(old)
    with sqlite3.connect(old) as database:
        versions = database.execute("SELECT value FROM setting WHERE key = 'schema'").fetchall()
    assert [(Schema.VERSION,)] == versions


def test_it_is_brought_up_to_date_once(old: Path) -> None:
    """Whoever opens it next finds nothing to do."""
    for mark in ("1", "2"):
        store = Store.open(f"sqlite:///{old}")
        store.note_rendered(SIX, mark)
        store.close()
    store = Store.open(f"sqlite:///{old}")
    assert [] == outdated(store, "2")
    store.close()


def test_an_upgrade_that_fails_changes_nothing(old: Path) -> None:
    """The tables of before stay, whole, for the larder of before."""
    with sqlite3.connect(old) as database:
        database.execute("ALTER TABLE project ADD COLUMN legacy INTEGER")
        before = database.execute("SELECT sql FROM sqlite_schema").fetchall()
    with pytest.raises(StoreError, match="duplicate column"):
        Store.open(f"sqlite:///{old}")
    with sqlite3.connect(old) as database:
        assert before == database.execute("SELECT sql FROM sqlite_schema").fetchall()
        value = database.execute("SELECT value FROM setting WHERE key = 'schema'").fetchone()
    assert (b"2",) == value


def test_what_upstream_lacked_is_expected_again_where_there_are_files(store: Store) -> None:
    """A few are told, by chance; projects without files, or whose legacy JSON is here, are not."""
    name = parse_filename("lacking-1.zip")
    path = parse_file_path(f"aa/bb/{1:060x}/{name}")
    lacking, whole, empty = map(ProjectName, ("a-lacking", "b-whole", "c-next"))
    store.record(Project(lacking, (File(name, path),)))
    for one in (lacking, empty):
        store.note_legacy(one, here=False)
    assert [True, False, True] == [store.lacked_legacy(one) for one in (lacking, whole, empty)]
    assert [lacking] == store.lacking_legacy(8)
    store.expect_legacy()
    assert [] == store.lacking_legacy(8)
    assert [False, False, True] == [store.lacked_legacy(one) for one in (lacking, whole, empty)]
