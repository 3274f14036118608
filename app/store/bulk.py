"""The index's queries for many projects at once, in plain SQL.

A first sync writes some fourteen million rows of files: peewee would take longer to
build its statements than the database to run them.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from app import model
from app.names import ProjectName
from app.store.connection import Connection
from app.store.index import Rendered, Settled, file_data, storable


class BulkQueries(Connection):
    """What `IndexQueries` does for one project, for many."""

    def record_all(self, projects: Sequence[tuple[model.Project, bool]]) -> None:
        """Make the files of projects known, as `record` does, in one transaction.

        With each project comes whether to keep what is held of it. What one of them
        lists no more, another of them may list.
        """
        entries = json.dumps([(project.name, storable(project.status)) for project, _ in projects])
        names = json.dumps([project.name for project, _ in projects])
        with self._writing():
            self._sql(self._statements.enter, entries)
            numbers = self._value(self._statements.numbers, names)
            listing = set(self._value(self._statements.listing, json.dumps(list(numbers.values()))))
            rows: list[tuple[Any, ...]] = []
            for project, keep_held in projects:
                number = numbers[project.name]
                files = {file.path: file_data(file) for file in project.files}
                if number in listing:
                    self._sql(self._statements.unlist, number, json.dumps(list(files)), keep_held)
                rows += ((number, path, *data) for path, data in files.items())
            for sql, part in self._statements.upserts(rows):
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
            for sql, rows in (
                (self._statements.settle, settled),
                (self._statements.mark, marked),
            ):
                if rows:
                    self._sql(sql, json.dumps(rows))

    def _value(self, sql: str, parameter: str) -> Any:
        """Return what a query puts into one JSON value."""
        return json.loads(self._sql(sql, parameter).fetchone()[0])


def _values(page: Settled) -> tuple[Any, ...]:
    """Return what `settle` says of a page, in its order."""
    legacy = 1 if page.legacy else None
    return page.serial, page.etag, page.last_modified, page.now, page.rendered, legacy
