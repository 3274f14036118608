"""The index's queries for many projects at once, in plain SQL.

A first sync writes some fourteen million rows of files: peewee would take longer to
build its statements than SQLite to run them.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from app import model
from app.names import ProjectName
from app.store.connection import Connection
from app.store.index import Rendered, Settled, file_data

_ENTER = """
INSERT INTO project (name, status, tries)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), 0 FROM json_each(?) WHERE TRUE
ON CONFLICT (name) DO UPDATE SET gone_at = NULL, gone_serial = NULL, status = excluded.status
WHERE gone_at IS NOT NULL OR gone_serial IS NOT NULL OR status IS NOT excluded.status
"""
_NUMBERS = """
SELECT json_group_object(name, id) FROM project WHERE name IN (SELECT value FROM json_each(?))
"""
# Those of which a file is listed already: for the others none can have gone.
_LISTING = """
SELECT json_group_array(id) FROM project WHERE id IN (SELECT value FROM json_each(?))
AND EXISTS (SELECT 1 FROM file WHERE file.project_id = project.id AND file.listed = 1)
"""
# A path belongs to the project that listed it first, for as long as it does: another
# project's page must not take its file over. A row that would stay as it is is not
# written: most updates add a few files to many. A size that was asked of the file host
# stays known where the index tells none.
_UPSERT = """
INSERT INTO file
    (project_id, path, sha256, size, origin, metadata_sha256, upload_time, provenance, listed)
VALUES {rows}
ON CONFLICT (path) DO UPDATE SET
    project_id = excluded.project_id,
    sha256 = excluded.sha256,
    size = COALESCE(excluded.size, size),
    origin = excluded.origin,
    metadata_sha256 = excluded.metadata_sha256,
    upload_time = excluded.upload_time,
    provenance = excluded.provenance,
    listed = 1
WHERE listed = 0 OR project_id = excluded.project_id AND (
    sha256 IS NOT excluded.sha256
    OR size IS NOT COALESCE(excluded.size, size)
    OR origin IS NOT excluded.origin
    OR metadata_sha256 IS NOT excluded.metadata_sha256
    OR upload_time IS NOT excluded.upload_time
    OR provenance IS NOT excluded.provenance
)
"""
_ROW = "(?, ?, ?, ?, ?, ?, ?, ?, 1)"
# Every statement gives the interpreter's lock away and must wait to have it back, so
# few long ones are faster than many short ones. Few lengths, so that the connection
# keeps the statements compiled.
_ROWS = tuple((count, _UPSERT.format(rows=", ".join([_ROW] * count))) for count in (256, 32, 4, 1))
_UNLIST = """
UPDATE file SET listed = 0
WHERE project_id = ? AND listed = 1 AND path NOT IN (SELECT value FROM json_each(?))
AND NOT (? AND EXISTS (SELECT 1 FROM holding WHERE holding.file_id = file.id))
"""
_SETTLE = """
UPDATE project SET
    serial = json_extract(page.value, '$[1]'),
    etag = json_extract(page.value, '$[2]'),
    last_modified = json_extract(page.value, '$[3]'),
    checked_at = json_extract(page.value, '$[4]'),
    rendered = json_extract(page.value, '$[5]'),
    legacy = json_extract(page.value, '$[6]'),
    failure = NULL,
    failure_kind = NULL,
    failing_since = NULL,
    tries = 0,
    retry_at = NULL
FROM json_each(?) AS page WHERE project.name = json_extract(page.value, '$[0]')
"""

# Serial, validators and failure stay: upstream was not asked.
_MARK = """
UPDATE project SET rendered = json_extract(page.value, '$[1]')
FROM json_each(?) AS page WHERE project.name = json_extract(page.value, '$[0]')
"""


class BulkQueries(Connection):
    """What `IndexQueries` does for one project, for many."""

    def record_all(self, projects: Sequence[tuple[model.Project, bool]]) -> None:
        """Make the files of projects known, as `record` does, in one transaction.

        With each project comes whether to keep what is held of it. What one of them
        lists no more, another of them may list.
        """
        entries = json.dumps([(project.name, project.status) for project, _ in projects])
        names = json.dumps([project.name for project, _ in projects])
        with self._writing():
            self._sql(_ENTER, entries)
            numbers = self._value(_NUMBERS, names)
            listing = set(self._value(_LISTING, json.dumps(list(numbers.values()))))
            rows: list[tuple[Any, ...]] = []
            for project, keep_held in projects:
                number = numbers[project.name]
                files = {file.path: file_data(file) for file in project.files}
                if number in listing:
                    self._sql(_UNLIST, number, json.dumps(list(files)), keep_held)
                rows += ((number, path, *data) for path, data in files.items())
            for sql, part in _statements(rows):
                self._sql(sql, *part)

    def settle_all(self, written: Iterable[tuple[ProjectName, Settled | Rendered]]) -> None:
        """Note that the pages which `record_all` announced are written."""
        settled: list[tuple[Any, ...]] = []
        marked: list[tuple[Any, ...]] = []
        for name, page in written:
            if isinstance(page, Rendered):
                marked.append((name, page.mark))
            else:
                settled.append((name, *_values(page)))
        with self._writing():
            for sql, rows in ((_SETTLE, settled), (_MARK, marked)):
                if rows:
                    self._sql(sql, json.dumps(rows))

    def _value(self, sql: str, parameter: str) -> Any:
        """Return what a query puts into one JSON value."""
        return json.loads(self._sql(sql, parameter).fetchone()[0])


def _values(page: Settled) -> tuple[Any, ...]:
    """Return what `_SETTLE` says of a page, in its order."""
    legacy = 1 if page.legacy else None
    return page.serial, page.etag, page.last_modified, page.now, page.rendered, legacy


def _statements(rows: Sequence[tuple[Any, ...]]) -> Iterator[tuple[str, Iterable[Any]]]:
    """Yield the statements that write the rows of files, with their parameters."""
    start = 0
    for count, sql in _ROWS:
        while len(rows) - start >= count:
            yield sql, chain.from_iterable(rows[start : start + count])
            start += count
