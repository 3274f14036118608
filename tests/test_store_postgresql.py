"""The store on a PostgreSQL server: many at once, a server that goes away, and its refusals."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from app.model import Project, Vote
from app.names import ProjectName
from app.store import Failure, Store, StoreAwayError, StoreBusyError, StoreError
from tests.postgresql import PASSWORD, Server, running_server
from tests.running import until
from tests.test_store import SIX, file

pytestmark = pytest.mark.postgresql

VOTES = [Vote(file(1).path, network, 100) for network in range(2000)]

_MANY = """
import sys
from app.model import Vote
from app.store import Store
from tests.test_store import file
print("ready", flush=True)
sys.stdin.readline()
store = Store.open(sys.argv[1])
"""
_COUNT = """
votes = [Vote(file(1).path, network, 100) for network in range(2000)]
print(sum(store.add_votes(votes[start:start + 100], 300) for start in range(0, 2000, 100)))
store.close()
"""
_FORK = """
import os, sys
from app.store import Store
store = Store.open(sys.argv[1])
child = os.fork()
print(store.count_tracked(), flush=True)
if child:
    assert os.waitpid(child, 0)[1] == 0
    assert store.count_tracked() == 1
"""
_BEFORE = (
    "DROP INDEX window_pair, window_time",
    'INSERT INTO tally SELECT time / 3600, file, count(*), 0 FROM "window" GROUP BY 1, 2',
    'ALTER TABLE "window" DROP COLUMN source, ADD PRIMARY KEY (file, network, time)',
    "DROP TABLE traffic",
    "ALTER TABLE tier DROP COLUMN held_files, DROP COLUMN held_bytes",
    "ALTER TABLE project DROP COLUMN hidden, DROP COLUMN review_at, DROP COLUMN metadata_only",
    "DROP INDEX file_hidden",
    "DROP TABLE pin",
    "UPDATE setting SET value = '4' WHERE key = 'schema'",
)
"""What makes tables of version 4."""
_KEY = "print(store.network_key().hex())\nstore.close()\n"


@pytest.fixture
def url(postgresql: Server) -> str:
    """Return the URL of a fresh place."""
    return postgresql.fresh()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """Open a fresh place."""
    with closing(Store.open(url)) as opened:
        yield opened


@pytest.fixture(scope="module")
def mortal() -> Iterator[Server]:
    """Run a server that tests may stop."""
    with running_server() as server:
        yield server


def at_once(url: str, *lines: str) -> list[str]:
    """Run four processes that begin at the same time; return what each says."""
    command = [sys.executable, "-c", "".join((_MANY, *lines)), url]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=120)[0].strip() for process in processes]
    assert [0] * 4 == [process.returncode for process in processes]
    return said


def test_tables_of_before_are_brought_up_to_date(store: Store, url: str) -> None:
    """A vote of late stays one: it was in the tallies already."""
    store.record(Project(SIX, (file(1),)))
    now = int(time.time())
    store.add_votes([Vote(file(1).path, network, now) for network in range(5)], 300)
    store.hold(file(1).path, "/hot", 10)
    with psycopg.connect(url) as session:
        for statement in _BEFORE:
            session.execute(statement)
    with closing(Store.open(url)) as opened:
        assert ({"/hot": (1, 10)}, {}) == (opened.held_by_tier(), opened.traffic_ever())
        assert 5 == opened.counted()
        assert 1 == opened.add_votes([Vote(file(1).path, n, now) for n in range(6)], 300)
        opened.expire_windows(now + 1)
        assert [6, []] == [opened.counted(), list(opened.votes(0))]
    with psycopg.connect(url) as session:
        query = "SELECT indexdef FROM pg_indexes WHERE tablename = 'window'"
        schema = "AND schemaname = current_schema() ORDER BY indexname"
        found = [row[0].partition(" USING ")[2] for row in session.execute(f"{query} {schema}")]
    assert ["btree (file, network)", "brin ("] == [found[0], found[1][:6]]


def test_several_processes_make_the_tables_once(url: str) -> None:
    """All of them find the same secret."""
    assert 1 == len(set(at_once(url, _KEY)))


def test_the_same_votes_are_counted_once(store: Store, url: str) -> None:
    """However many processes bring them at the same time."""
    store.record(Project(SIX, (file(1),)))
    assert len(VOTES) == sum(map(int, at_once(url, _COUNT)))
    assert len(VOTES) == store.counted() == len(list(store.votes(0)))


def test_threads_have_connections_of_their_own(store: Store) -> None:
    """And leave none behind when they end."""
    store.record(Project(SIX, (file(1),)))
    counted: list[int] = []

    def count() -> None:
        counted.extend(
            store.add_votes(VOTES[start : start + 200], 300) for start in range(0, 2000, 200)
        )

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(VOTES) == sum(counted)


def test_a_child_has_a_connection_of_its_own(store: Store, url: str) -> None:
    """Its parent's stays whole, when it reads and when it ends."""
    store.record(Project(SIX))
    done = subprocess.run(
        [sys.executable, "-c", _FORK, url], capture_output=True, text=True, check=False
    )
    assert (0, "1\n1\n", "") == (done.returncode, done.stdout, done.stderr)


def test_who_waits_too_long_to_write_is_told(store: Store, url: str) -> None:
    """The error tells a busy database from a broken one, and the next try works."""
    store._engine.sql("SET lock_timeout = '50ms'")  # noqa: SLF001
    with closing(Store.open(url)) as other, other._writing():  # noqa: SLF001
        with pytest.raises(StoreBusyError, match="another process writes"):
            store.record(Project(SIX))
        assert store.tracked_project(SIX) is None
    store.record(Project(SIX))


def test_who_reads_much_may_write_meanwhile(store: Store) -> None:
    """The rows are those that were there when the reading began."""
    names = [ProjectName(f"p{number:05}") for number in range(12_000)]
    store.record_all([(Project(name), False) for name in names])
    seen = []
    for project in store.states(names[:1]):
        seen.append(project.name)
        if len(seen) == 1:
            store.bury(names[-1], None, 100)
    assert names == seen
    assert len(names) - 1 == store.count_tracked()


def test_a_reading_that_is_given_up_leaves_nothing_open(store: Store) -> None:
    """A server keeps the rest of the rows for nobody."""
    store.record_all([(Project(name), False) for name in (SIX, ProjectName("seven"))])
    reading = store.tracked()
    next(reading)
    reading.close()  # type: ignore[attr-defined]
    assert [(0,)] == list(store._engine.sql("SELECT count(*) FROM pg_cursors"))  # noqa: SLF001


def test_names_are_in_the_order_of_their_bytes(postgresql: Server) -> None:
    """Whatever language the database is of: both databases plan in the same order."""
    postgresql.run(
        "CREATE DATABASE english OWNER larder TEMPLATE template0"
        " LOCALE_PROVIDER icu ICU_LOCALE 'en'",
        "postgres",
    )
    with closing(Store.open(postgresql.url("english"))) as store:
        names = [ProjectName(name) for name in ("B", "a", "Z", "b")]
        store.record_all([(Project(name), False) for name in names])
        assert sorted(names) == [project.name for project in store.states([])]
    postgresql.run("DROP DATABASE english", "postgres")


def test_pages_that_change_little_use_up_no_numbers(store: Store) -> None:
    """A file's number has four bytes: what is written again keeps its own."""
    files = tuple(file(number) for number in range(1, 301))
    for _ in range(3):
        store.record_all([(Project(SIX, files), False)])
    assert 300 == store.newest_file()
    store.record_all([(Project(SIX, (*files, file(301))), False)])
    assert 301 == store.newest_file()


def test_text_that_the_database_cannot_hold_is_kept_as_far_as_it_can(store: Store) -> None:
    """PostgreSQL has no zero byte in a text; the reason of a failure is told without."""
    store.fail(SIX, Failure("stale", "a \0 in it", 100, 160))
    (failing,) = store.failing()
    assert failing.failure is not None
    assert "\0" not in failing.failure
    assert failing.failure.startswith("a ")


def test_a_connection_that_was_ended_is_opened_again(store: Store, postgresql: Server) -> None:
    """An administrator, or a firewall, ends idle ones: nobody notices."""
    store.record(Project(SIX, (file(1),)))
    ((number,),) = store._engine.sql("SELECT pg_backend_pid()")  # noqa: SLF001
    with psycopg.connect(postgresql.url("larder", "postgres"), autocommit=True) as owner:
        owner.execute("SELECT pg_terminate_backend(%s)", [number])
        for _ in until("it is gone"):
            found = owner.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [number])
            if not found.fetchall():
                break
    assert 1 == store.add_votes(VOTES[:1], 300)


def test_a_server_that_comes_back_is_used_again(mortal: Server) -> None:
    """Meanwhile the store says that it is away; no vote is counted twice, or by halves."""
    with closing(Store.open(mortal.url())) as store:
        store.record(Project(SIX, (file(1),)))
        assert 10 == store.add_votes(VOTES[:10], 300)
        mortal.stop()
        for _ in range(2):
            with pytest.raises(StoreAwayError, match="is the database's server running"):
                store.add_votes(VOTES[:20], 300)
            with pytest.raises(StoreAwayError):
                list(store.tracked())
        mortal.start()
        assert 10 == store.add_votes(VOTES[:20], 300)


def test_a_server_that_crashes_leaves_a_transaction_whole(mortal: Server) -> None:
    """What it was in the middle of never was; the connection is made anew."""
    with closing(Store.open(mortal.url("postgres", "postgres"))) as store:

        def crash() -> None:
            with store._writing():  # noqa: SLF001
                store.record(Project(SIX, (file(1),)))
                mortal.stop(signal.SIGQUIT)
                store.record(Project(ProjectName("seven")))

        with pytest.raises(StoreAwayError):
            crash()
        mortal.start()
        assert [] == list(store.tracked())
        store.record(Project(SIX, (file(1),)))


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        ({"user": "guarded", "password": "wr0ng"}, StoreError, "password authentication failed"),
        ({"user": "guarded", "passfile": "/nowhere"}, StoreError, "no password supplied"),
        ({"database": "none"}, StoreError, 'database "none" does not exist'),
        ({"user": "stranger"}, StoreError, 'role "stranger" does not exist'),
        ({"port": "54322"}, StoreAwayError, "No such file or directory; is the "),
        ({"host": "127.0.0.1", "port": "1"}, StoreAwayError, "Connection refused; is the "),
        ({"host": "host.invalid"}, StoreAwayError, "host 'host.invalid'"),
    ],
)
def test_why_it_cannot_be_opened_is_one_sentence(
    postgresql: Server, changes: dict[str, str], kind: type[StoreError], said: str
) -> None:
    """It names the database, says why, and never the password."""
    start = r"^the database postgresql://\S+ cannot be opened: "
    with pytest.raises(StoreError, match=f"{start}.*{said}") as caught:
        Store.open(postgresql.url(**changes))
    assert kind is type(caught.value)
    assert "\n" not in str(caught.value)
    assert "wr0ng" not in repr(caught.value)


def test_the_right_password_opens_it(postgresql: Server, tmp_path: Path) -> None:
    """From the URL, or from a file as all of PostgreSQL's programs read it."""
    postgresql.run("CREATE SCHEMA IF NOT EXISTS guarded AUTHORIZATION guarded")
    Store.open(postgresql.url("larder", "guarded", password=PASSWORD)).close()
    passwords = tmp_path / "pgpass"
    passwords.write_text("*:*:*:guarded:" + PASSWORD.replace(":", r"\:") + "\n")
    passwords.chmod(0o600)
    Store.open(postgresql.url("larder", "guarded", passfile=str(passwords))).close()


def test_a_role_without_rights_is_told_so(postgresql: Server) -> None:
    """Since version 15 not everybody may make tables."""
    postgresql.run("CREATE ROLE guest LOGIN", "postgres")
    with pytest.raises(StoreError, match=r"permission denied for (schema|table)"):
        Store.open(postgresql.url("larder", "guest"))


def test_what_is_only_looked_at_cannot_be_changed(store: Store, url: str) -> None:
    """The server sees to it."""
    store.record(Project(SIX))
    with closing(Store.open(Store.unchangeable(url))) as looking:
        assert [SIX] == [project.name for project in looking.tracked()]
        with pytest.raises(StoreError, match=r"takes no changes: .*read-only"):
            looking.record(Project(ProjectName("seven")))


def test_looking_for_a_database_makes_none(url: str) -> None:
    """Also not its tables."""
    assert not Store.exists(url)
    with pytest.raises(StoreError, match="cannot be opened"):
        Store.open(Store.unchangeable(url))
    assert not Store.exists(url)
    Store.open(url).close()
    assert Store.exists(url)


def test_a_store_that_opens_later_works_once_the_server_is_back(mortal: Server) -> None:
    """Each use says that it is away until then; what no time mends is told at once."""
    database = mortal.fresh()
    mortal.stop()
    store = Store.open_later(database)
    with closing(store):
        for _ in range(2):
            with pytest.raises(StoreAwayError, match="cannot be opened"):
                store.counted()
        mortal.start()
        assert 0 == store.counted()
        store.record(Project(SIX, (file(),)))
        assert 1 == store.count_tracked()
    with pytest.raises(StoreError, match="authentication failed"):
        Store.open_later(mortal.url("larder", "guarded", password="wr0ng"))  # noqa: S106
