"""Rows that are written into a database's tables past larder, by the million."""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

_SQLITE = "sqlite:///"


class Seeds(ABC):
    """A database that is filled."""

    @abstractmethod
    def put(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Write rows, in one transaction."""

    @abstractmethod
    def size(self, tables: Sequence[str] = ()) -> int:
        """Return how many bytes the database, or some of its tables, take in the end."""


class _File(Seeds):
    def __init__(self, path: Path) -> None:
        self._path = path

    def put(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        connection = sqlite3.connect(self._path)
        with connection:
            connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)  # noqa: S608
        connection.close()

    def size(self, tables: Sequence[str] = ()) -> int:
        connection = sqlite3.connect(self._path)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        query = "SELECT COALESCE(SUM(pgsize), 0) FROM dbstat WHERE name = ?"
        size = sum(connection.execute(query, (one,)).fetchone()[0] for one in tables)
        connection.close()
        return size if tables else self._path.stat().st_size


class _Server(Seeds):
    def __init__(self, url: str) -> None:
        self._url = url

    def put(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        copy = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
        with psycopg.connect(self._url) as session, session.cursor().copy(copy) as copying:
            for row in rows:
                copying.write_row(row)

    def size(self, tables: Sequence[str] = ()) -> int:
        with psycopg.connect(self._url, autocommit=True) as session:
            session.execute("VACUUM ANALYZE")
            found = session.execute(
                "SELECT sum(pg_total_relation_size(oid)) FROM pg_class"
                " WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
                " AND (relname = ANY(%s) OR %s)",
                [list(tables), not tables],
            )
            ((size,),) = found.fetchall()
        return int(size)


def seeds_of(url: str) -> Seeds:
    """Return the database of a URL, whose tables are there already."""
    if url.startswith(_SQLITE):
        return _File(Path(url.removeprefix(_SQLITE)))
    return _Server(url)
