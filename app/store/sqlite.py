"""The database in a file: SQLite, for one machine."""

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final

import peewee

from app.store.engine import Engine, first_cause
from app.store.errors import StoreBusyError, StoreError
from app.store.sqlite_statements import SqliteStatements
from app.store.statements import Statements
from app.store.upgrades import UPGRADES

SCHEME: Final = "sqlite:///"

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

_Identity = tuple[int, int]

_WAY_OUT = "move it away; the next `larder sync` rebuilds it from the pages and the files"


class Sqlite(Engine):
    """A file, and those who open it."""

    statements: ClassVar[Statements] = SqliteStatements()
    upgrades: ClassVar = UPGRADES

    def __init__(self, url: str) -> None:
        """Name the file; it is made when it is first used."""
        self._path = Path(url.removeprefix(SCHEME))
        path = os.fspath(self._path)
        super().__init__(peewee.SqliteDatabase(path, pragmas=_PRAGMAS, timeout=_BUSY_TIMEOUT), path)
        # Whether the file has been there; and which one this thread's connection is of.
        self._known = False
        self._mine = threading.local()

    def present(self) -> bool:
        """Whether the file is there."""
        return self._path.exists()

    def refresh(self) -> None:
        """Let go of a file that was moved away, or deleted: nobody else sees what it is told.

        Where there is another in its place, the next statement opens that one; where there
        is none, it waits for whoever makes one, as for a server that is away.

        Raises:
            StoreBusyError: The file is gone.

        """
        if self.database.in_transaction():
            return
        here = self._identity()
        if getattr(self._mine, "file", None) not in (None, here):
            self.database.close()
        self._mine.file = here
        if here is None and self._known:
            raise StoreBusyError(f"the file {self.place} is gone")
        self._known = here is not None

    def _identity(self) -> _Identity | None:
        try:
            told = self._path.stat()
        except OSError:
            return None
        return told.st_dev, told.st_ino

    def writing(self) -> AbstractContextManager[object]:
        """Open a transaction as its writer.

        One that starts as a reader and then writes fails at once when somebody else
        wrote in between; one that starts as a writer waits.
        """
        transaction: AbstractContextManager[object] = self.database.atomic("IMMEDIATE")
        return transaction

    def stream(self, statement: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield rows as SQLite finds them."""
        return iter(self.sql(statement, parameters))

    @contextmanager
    def noted(self, names: Iterable[str]) -> Iterator[int]:
        """Have the table in a file of this connection's own."""
        self.sql("DROP TABLE IF EXISTS temp.folder")
        # A transaction, for speed; it locks nothing of the database itself.
        with self.database.atomic():
            self.sql("CREATE TEMPORARY TABLE folder (name TEXT NOT NULL)")
            cursor: sqlite3.Cursor = self.database.cursor()  # type: ignore[no-untyped-call]
            cursor.executemany("INSERT INTO temp.folder VALUES (?)", ((one,) for one in names))
            # After the rows: that sorts them once.
            self.sql("CREATE UNIQUE INDEX temp.folder_name ON folder (name)")
        try:
            yield cursor.rowcount
        finally:
            self.sql("DROP TABLE temp.folder")

    def insert_many(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Run it for each row."""
        cursor = self.database.cursor()  # type: ignore[no-untyped-call]
        cursor.executemany(statement, rows)

    def create(self, table: type[peewee.Model]) -> None:
        """Make a table and its indexes."""
        peewee.SchemaManager(table, self.database).create_all(safe=True)

    def store_error(self, error: Exception) -> StoreError:
        """Tell a busy file from a broken one."""
        cause = first_cause(error, sqlite3.Error)
        # The lower byte of an extended code is the plain one (sqlite.org/rescode.html).
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return StoreBusyError(str(cause))
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return StoreError(f"{cause}; {_WAY_OUT}")
        return StoreError(str(cause))
