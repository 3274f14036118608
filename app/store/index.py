"""Projects and their files, as the index tells them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from peewee import EXCLUDED, fn

from app import model
from app.names import FilePath, ProjectName, Sha256
from app.store.connection import Connection, chunks
from app.store.tables import File, Project


@dataclass(frozen=True, slots=True)
class TrackedProject:
    """A project that is kept in step, and how far it is."""

    name: ProjectName
    serial: int | None
    etag: str | None
    last_modified: str | None
    # None until its first page is written.
    checked_at: int | None
    failure: str | None = None
    failing_since: int | None = None


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file that the index has listed: what deciding about it and moving it needs."""

    path: FilePath
    project: ProjectName
    sha256: Sha256 | None
    size: int | None
    origin: str | None
    metadata_sha256: Sha256 | None
    upload_time: str | None


@dataclass(frozen=True, slots=True)
class Settled:
    """What is known of a page once it is written: the last word of an update."""

    serial: int | None
    etag: str | None
    last_modified: str | None
    now: int


_TRACKED = (
    Project.name,
    Project.serial,
    Project.etag,
    Project.last_modified,
    Project.checked_at,
    Project.failure,
    Project.failing_since,
)
KNOWN = (
    File.path,
    Project.name,
    File.sha256,
    File.size,
    File.origin,
    File.metadata_sha256,
    File.upload_time,
)
_DATA = (File.sha256, File.size, File.origin, File.metadata_sha256, File.upload_time)
_INSERT = (File.project, File.path, *_DATA, File.listed)


class IndexQueries(Connection):
    """Queries about what exists upstream."""

    def tracked(self) -> list[TrackedProject]:
        """Return every project that is kept in step, by name."""
        with self._reading():
            query = Project.select(*_TRACKED).where(Project.gone_at.is_null())
            return [TrackedProject(*row) for row in self._rows(query.order_by(Project.name))]

    def tracked_project(self, name: ProjectName) -> TrackedProject | None:
        """Return one project that is kept in step, or None."""
        with self._reading():
            query = Project.select(*_TRACKED).where(Project.name == name, Project.gone_at.is_null())
            row = next(self._rows(query), None)
            return TrackedProject(*row) if row else None

    def file(self, path: FilePath) -> KnownFile | None:
        """Return a file that a page lists, or None."""
        with self._reading():
            query = File.select(*KNOWN).join(Project)
            row = next(self._rows(query.where(File.path == path, File.listed == 1)), None)
            return KnownFile(*row) if row else None

    def files(self, paths: list[FilePath]) -> Iterator[KnownFile]:
        """Yield those of the files that a page lists."""
        with self._reading():
            for part in chunks(paths):
                query = File.select(*KNOWN).join(Project)
                for row in self._rows(query.where(File.path.in_(part), File.listed == 1)):
                    yield KnownFile(*row)

    def record(self, project: model.Project) -> None:
        """Make the files known, before the page that lists them can be seen.

        The project's serial and validators stay as they were until `settle`: a run
        that is killed in between finds the project not in step, and does it again.
        """
        with self._writing():
            self._run(
                Project.insert(name=project.name).on_conflict(
                    conflict_target=[Project.name], update={Project.gone_at: None}
                )
            )
            number = self._number(project.name)
            self._replace_files(number, project.files)

    def settle(self, name: ProjectName, settled: Settled) -> None:
        """Note that the page which `record` announced is written."""
        with self._writing():
            self._run(
                Project.update(
                    serial=settled.serial,
                    etag=settled.etag,
                    last_modified=settled.last_modified,
                    checked_at=settled.now,
                    failure=None,
                    failing_since=None,
                ).where(Project.name == name)
            )

    def confirm(self, name: ProjectName, now: int) -> None:
        """Note that upstream's page has not changed."""
        with self._writing():
            update = Project.update(checked_at=now, failure=None, failing_since=None)
            self._run(update.where(Project.name == name))

    def fail(self, name: ProjectName, reason: str, now: int) -> None:
        """Note why a project could not be brought in step; the first time is kept."""
        with self._writing():
            since = fn.COALESCE(Project.failing_since, now)
            update = Project.update(failure=reason, failing_since=since)
            self._run(update.where(Project.name == name))

    def forget(self, name: ProjectName, now: int) -> None:
        """Note that upstream has the project no more: nothing may wish for its files."""
        with self._writing():
            number = self._number(name)
            self._run(File.update(listed=0).where(File.project == number))
            self._run(
                Project.update(
                    gone_at=now, serial=None, etag=None, last_modified=None, checked_at=None
                ).where(Project.id == number)
            )

    def _number(self, name: ProjectName) -> int:
        return int(self._only(Project.select(Project.id).where(Project.name == name)))

    def _replace_files(self, number: int, files: tuple[model.File, ...]) -> None:
        """Write only the rows that differ: most updates add a few files to many."""
        query = File.select(File.path, *_DATA, File.listed).where(File.project == number)
        old = {row[0]: row[1:] for row in self._rows(query)}
        new = {file.path: file_data(file) for file in files}
        changed = [
            (number, path, *data, 1)
            for path, data in new.items()
            if path not in old or _differs(old[path], data)
        ]
        for part in chunks(changed):
            self._upsert(list(part), number)
        for gone in chunks([path for path, row in old.items() if path not in new and row[-1]]):
            self._run(File.update(listed=0).where(File.path.in_(gone)))

    def _upsert(self, rows: list[tuple[Any, ...]], number: int) -> None:
        # A path belongs to the project that listed it first, for as long as it does:
        # another project's page must not take its file over.
        excluded = {column: getattr(EXCLUDED, column.column_name) for column in _INSERT}
        excluded[File.size] = fn.COALESCE(EXCLUDED.size, File.size)
        self._run(
            File.insert_many(rows, fields=list(_INSERT)).on_conflict(
                conflict_target=[File.path],
                update=excluded,
                where=(File.project == number) | (File.listed == 0),
            )
        )


def file_data(file: model.File) -> tuple[Any, ...]:
    """Return what a file's row says of it, but for its project and its path."""
    companion = (file.core_metadata or {}).get("sha256")
    return (file.sha256, file.size, file.origin, companion, file.upload_time)


def _differs(old: tuple[Any, ...], new: tuple[Any, ...]) -> bool:
    # A size that was asked of the file host stays known when the index tells none.
    sha256, size, *rest, listed = old
    return not listed or (sha256, *rest) != (new[0], *new[2:]) or new[1] not in (None, size)
