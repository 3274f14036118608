"""The index's queries for many projects at once, in plain SQL.

A first sync writes some fourteen million rows of files, and a plan reads a row for each
of 800,000 projects: peewee would take longer to build its statements and objects than
SQLite to run them.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import peewee

from app import model
from app.names import ProjectName
from app.store.connection import Connection
from app.store.index import Settled, file_data, file_differs

_ENTER = "INSERT INTO project (name) VALUES (?) ON CONFLICT (name) DO UPDATE SET gone_at = NULL"
_NUMBER = "SELECT id FROM project WHERE name = ?"
_FILES = (
    "SELECT path, sha256, size, origin, metadata_sha256, upload_time, listed "
    "FROM file WHERE project_id = ?"
)
# A path belongs to the project that listed it first, for as long as it does: another
# project's page must not take its file over.
_UPSERT = """
INSERT INTO file
    (project_id, path, sha256, size, origin, metadata_sha256, upload_time, listed)
VALUES (?, ?, ?, ?, ?, ?, ?, 1)
ON CONFLICT (path) DO UPDATE SET
    project_id = excluded.project_id,
    sha256 = excluded.sha256,
    size = COALESCE(excluded.size, file.size),
    origin = excluded.origin,
    metadata_sha256 = excluded.metadata_sha256,
    upload_time = excluded.upload_time,
    listed = 1
WHERE file.project_id = excluded.project_id OR file.listed = 0
"""
_UNLIST = "UPDATE file SET listed = 0 WHERE path = ?"
_SETTLE = """
UPDATE project SET
    serial = ?, etag = ?, last_modified = ?, checked_at = ?, failure = NULL, failing_since = NULL
WHERE name = ?
"""
_STATES = """
SELECT name, serial, checked_at, failure IS NOT NULL
FROM project WHERE gone_at IS NULL ORDER BY name
"""
_LISTED = """
SELECT name, serial FROM project
WHERE gone_at IS NULL AND checked_at IS NOT NULL ORDER BY name
"""
_LAST = "SELECT MAX(serial) FROM project WHERE gone_at IS NULL AND checked_at IS NOT NULL"


class StateRow(NamedTuple):
    """How far a tracked project is, in as little memory as that takes."""

    name: ProjectName
    serial: int | None
    checked_at: int | None
    failing: int


class BulkQueries(Connection):
    """What `IndexQueries` does for one project, for many."""

    def record_all(self, projects: Sequence[model.Project]) -> None:
        """Make the files of projects known, as `record` does, in one transaction."""
        with self._writing(), _wrapped():
            connection = self._db.connection()
            for project in projects:
                connection.execute(_ENTER, (project.name,))
                (number,) = connection.execute(_NUMBER, (project.name,)).fetchone()
                _replace_files(connection, number, project.files)

    def settle_all(self, settled: Iterable[tuple[ProjectName, Settled]]) -> None:
        """Note that the pages which `record_all` announced are written."""
        rows = [
            (page.serial, page.etag, page.last_modified, page.now, name) for name, page in settled
        ]
        with self._writing(), _wrapped():
            self._db.connection().executemany(_SETTLE, rows)

    def each_state(self) -> Iterator[StateRow]:
        """Yield how far each tracked project is, by name, with constant memory."""
        return map(StateRow._make, self._each(_STATES))

    def each_listed(self) -> Iterator[tuple[ProjectName, int | None]]:
        """Yield what the list of projects lists, by name, with constant memory."""
        return self._each(_LISTED)

    def last_serial(self) -> int | None:
        """Return the highest serial of a page that is here."""
        with self._reading():
            last: int | None = self._db.execute_sql(_LAST).fetchone()[0]
            return last

    def _each(self, sql: str) -> Iterator[Any]:
        with self._reading():
            yield from self._db.execute_sql(sql)


def _replace_files(
    connection: sqlite3.Connection, number: int, files: Sequence[model.File]
) -> None:
    """Write only the rows that differ: most updates add a few files to many."""
    old = {row[0]: row[1:] for row in connection.execute(_FILES, (number,))}
    new = {file.path: file_data(file) for file in files}
    connection.executemany(
        _UPSERT,
        [
            (number, path, *data)
            for path, data in new.items()
            if path not in old or file_differs(old[path], data)
        ],
    )
    gone = [(path,) for path, row in old.items() if row[-1] and path not in new]
    if gone:
        connection.executemany(_UNLIST, gone)


@contextmanager
def _wrapped() -> Iterator[None]:
    """Raise peewee's errors where its connection is used without it."""
    with peewee.__exception_wrapper__:
        yield
