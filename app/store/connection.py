"""Opening the database, its connections, and its transactions."""

import json
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final, Self, TypeVar

from app import database_url
from app.store import postgresql, sqlite
from app.store.engine import Engine
from app.store.errors import StoreBusyError, StoreError
from app.store.statements import Statements
from app.store.tables import TABLES, Schema, Setting

logger = logging.getLogger(__name__)

T = TypeVar("T")

_ENGINES: Final[dict[str, type[sqlite.Sqlite | postgresql.Postgresql]]] = {
    sqlite.SCHEME: sqlite.Sqlite,
    postgresql.SCHEME: postgresql.Postgresql,
}

_HALF_LIFE = 72 * 3600
"""Seconds, until `score` has told what the configuration says (`PopularityQueries`)."""

# SQLite takes 32,766 parameters in one statement (since 3.32), PostgreSQL 65,535; a row
# here has at most nine.
CHUNK = 2000


def chunks(rows: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """Cut rows into parts that one statement can take."""
    return (rows[start : start + size] for start in range(0, len(rows), size))


class Connection:
    """A database whose queries name it, so that several can be open in one process."""

    def __init__(self, engine: Engine) -> None:
        """Use a database that is set up; see `open`."""
        self._engine, self._db = engine, engine.database
        # Questions that were asked before, as SQL and its other parameters (`_find`).
        self._stated: dict[Callable[[Any], Any], tuple[str, list[Any]]] = {}
        # Whether the tables have been looked at, and who looks just now.
        self._prepared, self._preparing = True, threading.Lock()

    @classmethod
    def exists(cls, url: str) -> bool:
        """Whether there is a database already; `open` would make one.

        Raises:
            StoreError: Its server does not tell.

        """
        store = cls(_engine(url))
        try:
            with _opened(store._engine), store._reading():
                return store._engine.present()
        finally:
            store.close()

    @staticmethod
    def unchangeable(url: str) -> str:
        """Return the URL to open a database with that is only to be looked at.

        On a server, which refuses any change then; a file is left to those who open it.
        """
        return database_url.read_only(url) if url.startswith(postgresql.SCHEME) else url

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the database that a URL names, and make its tables, or bring them up to date.

        Raises:
            StoreError: It cannot be opened, or belongs to another version of larder.

        """
        store = cls(_engine(url))
        try:
            with _opened(store._engine):
                store._prepare()
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def open_later(cls, url: str) -> Self:
        """Open the database, or let whoever uses it first open it, where that may help.

        Until then each use raises StoreBusyError: its server is away, or another process
        holds it for long.

        Raises:
            StoreError: As `open`, where trying again does not help.

        """
        try:
            return cls.open(url)
        except StoreBusyError as error:
            logger.warning("it is tried again: %s", error)
        store = cls(_engine(url))
        store._prepared = False
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

    def settings(self, prefix: str) -> dict[str, bytes]:
        """Return the values that jobs keep under keys, in ASCII, that begin so."""
        with self._reading():
            query = Setting.select(Setting.key, Setting.value)
            rows = self._rows(query.where(Setting.key.between(prefix, f"{prefix}\x7f")))
            return {key: bytes(value) for key, value in rows}

    def keep(self, key: str, value: bytes) -> None:
        """Keep a value from run to run."""
        with self._writing():
            self._put(key, value)

    def _put(self, key: str, value: bytes) -> None:
        row = Setting.insert(key=key, value=value)
        self._run(row.on_conflict(conflict_target=[Setting.key], update={Setting.value: value}))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Open a transaction that has the write lock from its start."""
        with self._reading(), self._engine.writing():
            yield

    def _reading(self) -> AbstractContextManager[None]:
        """Make errors of what is in the block those of the store; open it if need be."""
        if not self._prepared:
            self._open_now()
        return self._asking()

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            self._engine.refresh()
            yield
        except self._engine.raises as error:
            raise self._engine.store_error(error) from error

    def _rows(self, query: Any) -> Iterator[tuple[Any, ...]]:
        """Return the rows of a small result as the database yields them.

        Peewee's own iterators keep each one.
        """
        return iter(self._db.execute(query))  # type: ignore[no-untyped-call]

    def _sql(self, sql: str, *parameters: Any) -> Any:
        """Run plain SQL, of `_statements` where the databases do not say it alike."""
        return self._engine.sql(sql, parameters)

    def _find(self, state: Callable[[Any], Any], value: Any) -> tuple[Any, ...] | None:
        """Return the first row of what `state` asks of one value, the query's first parameter.

        Peewee states each such question once: that takes ten times as long as the answer.
        """
        known = self._stated.get(state)
        if known is None:
            context = self._db.get_sql_context()
            sql, (_, *others) = context.sql(state(value)).query()  # type: ignore[no-untyped-call]
            known = self._stated[state] = sql, others
        sql, others = known
        row: tuple[Any, ...] | None = self._sql(sql, value, *others).fetchone()
        return row

    def _stream(self, query: Any) -> Iterator[tuple[Any, ...]]:
        """Return the rows of a result that may be large."""
        context = self._db.get_sql_context()
        return self._engine.stream(*context.sql(query).query())  # type: ignore[no-untyped-call]

    @property
    def _statements(self) -> Statements:
        return self._engine.statements

    def _only(self, query: Any) -> Any:
        row = next(self._rows(query), None)
        if row is None:
            raise StoreError("a row that this needs is gone from the database; try again")
        return row[0]

    def _run(self, query: Any) -> Any:
        return query.execute(self._db)

    def _open_now(self) -> None:
        """Do what `open` could not; one thread tries, and the others do not wait for it."""
        if not self._preparing.acquire(blocking=False):
            message = f"the database {self._engine.place} is not open yet"
            raise StoreBusyError(message)
        try:
            if not self._prepared:
                with _opened(self._engine):
                    self._prepare()
                self._prepared = True
        finally:
            self._preparing.release()

    def _prepare(self) -> None:
        with self._asking(), self._engine.writing():
            if self._db.table_exists("setting"):
                self._check_version(self._upgraded())
                return
            for table in TABLES:
                self._engine.create(table)
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
        made = bytes(self._only(Setting.select(Setting.value).where(Setting.key == "schema")))
        found, upgrades = made, self._engine.upgrades
        try:
            while found in upgrades:
                found, statements = upgrades[found]
                for statement in statements:
                    self._sql(statement)
                self._run(Setting.update(value=found).where(Setting.key == "schema"))
        except self._engine.raises as error:
            why = self._engine.store_error(error)
            message = f"its tables are of version {made.decode()}, and are not brought up to date"
            raise type(why)(f"{message}: {why}") from error
        return found

    @staticmethod
    def _check_version(found: bytes) -> None:
        if found != Schema.VERSION:
            message = (
                f"its tables are of version {found.decode(errors='replace')}, this larder "
                f"knows version {Schema.VERSION.decode()}; use the larder that made it"
            )
            raise StoreError(message)


def _engine(url: str) -> Engine:
    """Return the engine that a URL names; nothing is opened yet."""
    for scheme, kind in _ENGINES.items():
        if url.startswith(scheme):
            return kind(url)
    known = " or ".join((f"{sqlite.SCHEME}/path", database_url.EXAMPLE))
    raise StoreError(f"database: the URL is none that larder knows; use {known}")


@contextmanager
def _opened(engine: Engine) -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        raise type(error)(f"the database {engine.place} cannot be opened: {error}") from error
