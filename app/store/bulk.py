"""The index's queries for many projects at once, in plain SQL.

A first sync writes some fourteen million rows of files: peewee would take longer to
build its statements than the database to run them.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from app import model
from app.names import ProjectName
from app.store.bulk_statements import BulkStatements
from app.store.connection import Connection
from app.store.index import Settled, file_data


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
            self._sql(self._bulk.enter, entries)
            numbers = self._value(self._bulk.numbers, names)
            listing = set(self._value(self._bulk.listing, json.dumps(list(numbers.values()))))
            rows: list[tuple[Any, ...]] = []
            for project, keep_held in projects:
                number = numbers[project.name]
                files = {file.path: file_data(file) for file in project.files}
                if number in listing:
                    self._sql(self._bulk.unlist, number, json.dumps(list(files)), keep_held)
                rows += ((number, path, *data) for path, data in files.items())
            for sql, part in self._bulk.upserts(rows):
                self._sql(sql, *part)

    def settle_all(self, settled: Iterable[tuple[ProjectName, Settled]]) -> None:
        """Note that the pages which `record_all` announced are written."""
        rows = [
            (name, page.serial, page.etag, page.last_modified, page.now) for name, page in settled
        ]
        with self._writing():
            self._sql(self._bulk.settle, json.dumps(rows))

    def _value(self, sql: str, parameter: str) -> Any:
        """Return what a query puts into one JSON value."""
        return json.loads(self._sql(sql, parameter).fetchone()[0])

    @property
    def _bulk(self) -> BulkStatements:
        return self._engine.bulk

    def _sql(self, sql: str, *parameters: Any) -> Any:
        return self._engine.sql(sql, parameters)
