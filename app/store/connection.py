"""Opening the database, its connections, and its transactions."""

import json
import os
import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

import peewee

from app.store.amending import amend
from app.store.errors import StoreBusyError, StoreError
from app.store.tables import TABLES, Schema, Setting
from app.store.upgrades import UPGRADES

T = TypeVar("T")

_SQLITE = "sqlite:///"
_BUSY_TIMEOUT = 10
"""Seconds to wait for another writer. The votes' transactions take milliseconds; the
longest is `score`'s, a second or two."""

# WAL: readers and one writer do not wait for each other. NORMAL is safe with WAL: a
# power cut may lose the last transactions, never the database's integrity, and what a
# job lost it does again.
_PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": "normal",
    "foreign_keys": 1,
    "busy_timeout": _BUSY_TIMEOUT * 1000,
}

_HALF_LIFE = 72 * 3600
"""Seconds, until `score` has told what the configuration says (`PopularityQueries`)."""

_WAY_OUT = "move it away; the next `larder sync` rebuilds it from the pages and the files"

# SQLite takes 32,766 parameters in one statement (since 3.32); a row here has at most
# nine.
CHUNK = 2000


def chunks(rows: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """Cut rows into parts that one statement can take."""
    return (rows[start : start + size] for start in range(0, len(rows), size))


class Connection:
    """A database whose queries name it, so that several can be open in one process."""

    def __init__(self, database: peewee.Database) -> None:
        """Use a database that is set up; see `open`."""
        self._db = database

    @staticmethod
    def exists(url: str) -> bool:
        """Whether there is a database already; `open` would make one."""
        return Path(url.removeprefix(_SQLITE)).exists()

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the database that a URL names, and make its tables, or bring them up to date.

        Raises:
            StoreError: It cannot be opened, or belongs to another version of larder.

        """
        path = Path(url.removeprefix(_SQLITE))
        if not url.startswith(_SQLITE):
            message = f"database: {url} is not a URL that larder knows; use {_SQLITE}/path"
            raise StoreError(message)
        store = cls(peewee.SqliteDatabase(os.fspath(path), pragmas=_PRAGMAS, timeout=_BUSY_TIMEOUT))
        try:
            store._prepare()
        except StoreError as error:
            message = f"the database {path} cannot be opened: {error}"
            raise type(error)(message) from error
        return store

    def close(self) -> None:
        """Close this thread's connection; another thread's goes with the thread."""
        self._db.close()

    def network_key(self) -> bytes:
        """Return the secret that networks are hashed with, made with the database."""
        with self._reading():
            row = Setting.select(Setting.value).where(Setting.key == "network_key")
            return bytes(self._only(row))

    def setting(self, key: str) -> bytes | None:
        """Return a value that a job keeps from run to run, or None."""
        with self._reading():
            query = Setting.select(Setting.value).where(Setting.key == key)
            row = next(self._rows(query), None)
            return bytes(row[0]) if row else None

    def keep(self, key: str, value: bytes) -> None:
        """Keep a value from run to run."""
        with self._writing():
            self._put(key, value)

    def _put(self, key: str, value: bytes) -> None:
        row = Setting.insert(key=key, value=value)
        self._run(row.on_conflict(conflict_target=[Setting.key], update={Setting.value: value}))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Open a transaction that has the write lock from its start.

        A transaction that starts as a reader and then writes fails at once when
        somebody else wrote in between; one that starts as a writer waits.
        """
        with _translated(), self._db.atomic("IMMEDIATE"):
            yield

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with _translated():
            yield

    def _rows(self, query: Any) -> Iterator[tuple[Any, ...]]:
        """Return the rows as SQLite yields them: peewee's own iterators keep each one."""
        cursor: Iterator[tuple[Any, ...]] = self._db.execute(query)  # type: ignore[no-untyped-call]
        return cursor

    def _sql(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        cursor: sqlite3.Cursor = self._db.execute_sql(sql, parameters)  # type: ignore[no-untyped-call]
        return cursor

    def _only(self, query: Any) -> Any:
        row = next(self._rows(query), None)
        if row is None:
            raise StoreError("a row that this needs is gone from the database; try again")
        return row[0]

    def _run(self, query: Any) -> Any:
        return query.execute(self._db)

    def _run_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run plain SQL for each row; `{0}` stands for a parameter."""
        cursor = self._db.cursor()  # type: ignore[no-untyped-call]
        cursor.executemany(sql.format(self._db.param), rows)

    def _prepare(self) -> None:
        with self._writing():
            if self._db.table_exists("setting"):
                self._check_version(self._upgraded())
                amend(self._db)
                return
            for table in TABLES:
                peewee.SchemaManager(table, self._db).create_all(safe=True)
            settings = {
                "schema": Schema.VERSION,
                "network_key": secrets.token_bytes(32),
                "heat": json.dumps(
                    {"reference": int(time.time()), "half_life": _HALF_LIFE}
                ).encode(),
            }
            rows = list(settings.items())
            self._run(Setting.insert_many(rows, fields=[Setting.key, Setting.value]))

    def _upgraded(self) -> bytes:
        """Bring the tables of an older larder up to date; return the version they have then.

        All in the transaction that opens: a kill leaves the old version, whole.
        """
        found = bytes(self._only(Setting.select(Setting.value).where(Setting.key == "schema")))
        while found in UPGRADES:
            found, statements = UPGRADES[found]
            for statement in statements:
                self._db.execute_sql(statement)  # type: ignore[no-untyped-call]
            self._run(Setting.update(value=found).where(Setting.key == "schema"))
        return found

    @staticmethod
    def _check_version(found: bytes) -> None:
        if found != Schema.VERSION:
            message = (
                f"its tables are of version {found.decode(errors='replace')}, this larder "
                f"knows version {Schema.VERSION.decode()}; use the larder that made it"
            )
            raise StoreError(message)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except peewee.PeeweeException as error:
        raise _store_error(error) from error


def _store_error(error: peewee.PeeweeException) -> StoreError:
    cause = _first_sqlite_error(error)
    # The lower byte of an extended code is the plain one (sqlite.org/rescode.html).
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreBusyError(str(cause))
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreError(f"{cause}; {_WAY_OUT}")
    return StoreError(str(cause))


def _first_sqlite_error(error: BaseException) -> BaseException:
    """Return what SQLite said first: peewee wraps it, and its rollback may fail after it.

    On a full disk SQLite has rolled back by itself, and "cannot rollback" would hide why.
    """
    found, cause = error, error.__cause__ or error.__context__
    while cause is not None:
        if isinstance(cause, sqlite3.Error):
            found = cause
        cause = cause.__cause__ or cause.__context__
    return found
