"""The database on a server: PostgreSQL, for several machines."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from select import POLLIN, poll
from typing import Any, ClassVar, Final

import peewee
import psycopg

from app.database_url import POSTGRESQL, DatabaseUrlError, parse_postgresql, without_password
from app.store.engine import Engine
from app.store.errors import StoreError
from app.store.postgresql_errors import connection_error, statement_error
from app.store.postgresql_statements import PostgresqlStatements
from app.store.statements import Statements
from app.store.tables import Window
from app.store.upgrades import COUNT_TIERS

SCHEME: Final = POSTGRESQL

_LOCK_TIMEOUT = 10
"""Seconds to wait for another writer, as long as SQLite does."""

# The votes' dedup, and more, must be alone between its look and its writing, as on
# SQLite. A lock of the transaction goes with it, however its process ends.
_WRITE_LOCK = int.from_bytes(b"larder")
_BEGIN = f"BEGIN; SELECT pg_advisory_xact_lock({_WRITE_LOCK})"

_SESSION = f"SET lock_timeout = '{_LOCK_TIMEOUT}s'"

# A server that vanished is noticed within a minute. The URL may say otherwise.
_DEFAULTS = {
    "application_name": "larder",
    "connect_timeout": "10",
    "keepalives_idle": "20",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "45000",
}

_STREAMED = 5000
"""Rows that are fetched, or given to a statement, at a time."""

# Names and paths are in the order of their bytes, whatever the server's language.
_TYPES = {"TEXT": 'TEXT COLLATE "C"'}

_FOLDER = """
DROP TABLE IF EXISTS pg_temp.folder;
CREATE TEMPORARY TABLE folder (name TEXT COLLATE "C" NOT NULL)
"""
_FOLDER_INDEX = "CREATE UNIQUE INDEX folder_name ON pg_temp.folder (name); ANALYZE pg_temp.folder"

# The key that finds a pair's windows, without what else makes it one: an index stands
# beside the table here, and each of its bytes counts once a vote. Time goes up with the
# rows' places, so an index of a few kilobytes finds the old ones.
_WINDOW = (
    'ALTER TABLE "window" DROP CONSTRAINT window_pkey',
    'CREATE INDEX window_pair ON "window" (file, network)',
    'CREATE INDEX window_time ON "window" USING brin (time) WITH (autosummarize = on)',
    # What is deleted hour by hour is room for what comes: nobody shall wait for a fifth
    # of the table to be dead.
    'ALTER TABLE "window" SET (autovacuum_vacuum_scale_factor = 0.05)',
)
_UPGRADES: Mapping[bytes, tuple[bytes, tuple[str, ...]]] = {
    # Votes of late were in the tallies as well; those that are stay there.
    b"4": (b"5", ('ALTER TABLE "window" ADD COLUMN source SMALLINT', *_WINDOW)),
    b"5": (
        b"6",
        (
            """
            CREATE TABLE traffic (hour INTEGER NOT NULL, answer TEXT COLLATE "C" NOT NULL,
            tier TEXT COLLATE "C" NOT NULL, reason TEXT COLLATE "C" NOT NULL,
            requests BIGINT NOT NULL, bytes BIGINT NOT NULL, elsewhere BIGINT NOT NULL,
            PRIMARY KEY (hour, answer, tier, reason))
            """,
            "ALTER TABLE tier ADD COLUMN held_files INTEGER NOT NULL DEFAULT 0",
            "ALTER TABLE tier ADD COLUMN held_bytes BIGINT NOT NULL DEFAULT 0",
            COUNT_TIERS,
        ),
    ),
    b"6": (
        b"7",
        (
            "ALTER TABLE project ADD COLUMN hidden TEXT",
            "ALTER TABLE project ADD COLUMN review_at BIGINT",
            "ALTER TABLE project ADD COLUMN metadata_only INTEGER",
            'CREATE INDEX "file_hidden" ON "file" ("id") WHERE "listed" = -2',
        ),
    ),
    b"7": (
        b"8",
        (
            """
            CREATE TABLE pin (file_id INTEGER NOT NULL PRIMARY KEY
            REFERENCES file (id) ON DELETE CASCADE,
            reason TEXT COLLATE "C" NOT NULL, time BIGINT NOT NULL)
            """,
        ),
    ),
}

# What only SQLite knows. There the numbers of `file` must not be used again, which a
# sequence of PostgreSQL's never does.
_OF_SQLITE = (" AUTOINCREMENT", " WITHOUT ROWID")


class _Session(psycopg.Connection[Any]):
    """A connection that closes with the thread that had it; not in a child of its process."""

    process: int | None = None

    def __del__(self, *_: Any) -> None:
        if self.process == os.getpid():
            self.close()


class _Database(peewee.PostgresqlDatabase):
    """Peewee's database, with larder's sessions and transactions."""

    def _connect(self) -> _Session:
        session = _Session.connect(**self.connect_params, autocommit=True)
        session.process = os.getpid()
        session.execute(_SESSION)
        return session

    def begin(self, isolation_level: str | None = None) -> None:
        """Begin a transaction that has the write lock; all of larder's write."""
        del isolation_level
        session: _Session = self.connection()  # type: ignore[no-untyped-call]
        try:
            session.execute(_BEGIN)
        except psycopg.Error:
            if not session.closed:
                session.execute("ROLLBACK")
            raise


class _Tables(peewee.SchemaManager):
    """The tables, without what only SQLite knows."""

    def create_table(self, safe: bool = True, **options: Any) -> None:  # noqa: FBT001, FBT002
        sql, _ = self._create_table(safe=safe, **options).query()  # type: ignore[attr-defined]
        for words in _OF_SQLITE:
            sql = sql.replace(words, "")
        self.database.execute_sql(sql)


class Postgresql(Engine):
    """A database of a server's."""

    raises: ClassVar[tuple[type[Exception], ...]] = (*Engine.raises, psycopg.Error)
    statements: ClassVar[Statements] = PostgresqlStatements()
    upgrades: ClassVar = _UPGRADES

    def __init__(self, url: str) -> None:
        """Name the database; a thread connects when it first asks."""
        try:
            keywords = dict(parse_postgresql(url))
        except DatabaseUrlError as error:
            raise StoreError(f"database: {error}") from error
        name = keywords["dbname"]
        settings: dict[str, Any] = _DEFAULTS | keywords
        database = _Database(name, prefer_psycopg3=True, field_types=_TYPES, **settings)
        super().__init__(database, without_password(url))
        self._cursors = count()

    def present(self) -> bool:
        """Whether the server can be reached, and has larder's tables."""
        return bool(self.database.table_exists("setting"))

    def refresh(self) -> None:
        """Drop a connection that died, or is the parent's: the next statement opens another."""
        if self.database.is_closed() or self.database.in_transaction():
            return
        session = self._session()
        if session.process != os.getpid():
            self.database.dispose()
        elif not _lives(session):
            self.database.close()

    def writing(self) -> AbstractContextManager[object]:
        """Open a transaction, which waits for the write lock."""
        transaction: AbstractContextManager[object] = self.database.atomic()
        return transaction

    def stream(self, statement: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield rows that the server keeps until they are asked for.

        It keeps them beyond the statement, so that whoever reads may write meanwhile.
        """
        session = self._session()
        name = f"larder_{next(self._cursors)}"
        with session.cursor(name, withhold=True) as cursor:
            cursor.itersize = _STREAMED
            yield from cursor.execute(statement, parameters)

    @contextmanager
    def noted(self, names: Iterable[str]) -> Iterator[int]:
        """Have a temporary table, also on a connection that changes nothing else."""
        session = self._session()
        with _alone(session) as cursor:
            cursor.execute(_FOLDER)
            with cursor.copy("COPY pg_temp.folder FROM STDIN") as copy:
                for name in names:
                    copy.write_row((name,))
            number = cursor.rowcount
            # After the rows: that sorts them once.
            cursor.execute(_FOLDER_INDEX)
        try:
            yield number
        finally:
            with _alone(session) as cursor:
                cursor.execute("DROP TABLE pg_temp.folder")

    def insert_many(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Run it for many rows at a time, with a list of each column."""
        for start in range(0, len(rows), _STREAMED):
            part = rows[start : start + _STREAMED]
            self.sql(statement, [list(column) for column in zip(*part, strict=True)])

    def create(self, table: type[peewee.Model]) -> None:
        """Make a table and its indexes."""
        _Tables(table, self.database).create_all(safe=True)
        if table is Window:
            for statement in _WINDOW:
                self.sql(statement)

    def store_error(self, error: Exception) -> StoreError:
        """Tell an absent server from one that refuses, and a busy one from a broken statement."""
        return statement_error(error) or connection_error(error)

    def _session(self) -> _Session:
        session: _Session = self.database.connection()  # type: ignore[no-untyped-call]
        return session


@contextmanager
def _alone(session: _Session) -> Iterator[psycopg.Cursor[Any]]:
    """Open a transaction for what is this connection's own: without the write lock."""
    with session.transaction(), session.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ WRITE")
        yield cursor


def _lives(session: _Session) -> bool:
    """Whether a connection at rest is sound: a server says something there to end it."""
    if session.closed:
        return False
    waiting = poll()
    waiting.register(session.fileno(), POLLIN)
    return not waiting.poll(0)
