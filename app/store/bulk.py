"""The index's queries for many projects at once, in plain SQL.

A first sync writes some fourteen million rows of files: peewee would take longer to
build its statements than the database to run them.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from app import model
from app.names import FilePath, ProjectName
from app.store.connection import Connection
from app.store.index import Filtered, Rendered, Settled, file_data, storable
from app.store.tables import HIDDEN, LISTED

NOTHING: Mapping[ProjectName, Collection[FilePath]] = MappingProxyType({})


class BulkQueries(Connection):
    """What `IndexQueries` does for one project, for many."""

    def record_all(
        self,
        projects: Sequence[tuple[model.Project, bool]],
        hidden: Mapping[ProjectName, Collection[FilePath]] = NOTHING,
    ) -> None:
        """Make the files of projects known, as `record` does, in one transaction.

        With each project, and all the files that upstream lists, comes whether to keep what
        is held of it. What one of them lists no more, another of them may list. `hidden` are
        those of the files that filters hide.
        """
        entries = json.dumps([(project.name, storable(project.status)) for project, _ in projects])
        names = json.dumps([project.name for project, _ in projects])
        with self._writing():
            self._sql(self._statements.enter, entries)
            numbers = self._value(self._statements.numbers, names)
            listing = set(self._value(self._statements.listing, json.dumps(list(numbers.values()))))
            rows: list[tuple[Any, ...]] = []
            for project, keep_held in projects:
                number, unseen = numbers[project.name], hidden.get(project.name, ())
                files = {file.path: file_data(file) for file in project.files}
                if number in listing:
                    self._sql(self._statements.unlist, number, json.dumps(list(files)), keep_held)
                rows += (
                    (number, path, *data, HIDDEN if path in unseen else LISTED)
                    for path, data in files.items()
                )
            for sql, part in self._statements.upserts(rows):
                self._sql(sql, *part)
            for name in hidden:
                self._sql(self._statements.conceal, numbers[name])

    def settle_all(self, written: Iterable[tuple[ProjectName, Settled | Rendered]]) -> None:
        """Note that the pages which `record_all` announced are written."""
        settled: list[tuple[Any, ...]] = []
        marked: list[tuple[Any, ...]] = []
        for name, page in written:
            if isinstance(page, Rendered):
                marked.append((name, page.mark, *_said(page.filtered)))
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
    said = _said(page.filtered)
    return page.serial, page.etag, page.last_modified, page.now, page.rendered, legacy, *said


def _said(filtered: Filtered) -> tuple[Any, ...]:
    return filtered.hidden, filtered.review_at, 1 if filtered.metadata_only else None
