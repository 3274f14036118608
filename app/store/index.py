"""What the projects' pages list, and how their updates went."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from peewee import EXCLUDED, fn

from app import model
from app.names import FilePath, ProjectName, Sha256
from app.store.connection import Connection, chunks
from app.store.tables import LISTED, File, Holding, Project


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a project could not be brought in step."""

    kind: str
    reason: str
    now: int
    # When to try again.
    retry_at: int
    # Whether it is another matter than what failed before: its time begins now.
    anew: bool = False
    # Since when it fails, and how often it was tried before, where a page that was written
    # meanwhile has had the store forget that.
    since: int | None = None
    tries: int | None = None


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
class Filtered:
    """What filters say of a project."""

    # Which of them hides it, and why; None: it has a page.
    hidden: str | None = None
    # When that, or what its page lists, may change by itself.
    review_at: int | None = None
    # Its files are never held.
    metadata_only: bool = False


UNFILTERED = Filtered()


@dataclass(frozen=True, slots=True)
class Settled:
    """What is known of a page once it is written: the last word of an update."""

    serial: int | None
    etag: str | None
    last_modified: str | None
    now: int
    # The mark of how it was rendered, and whether its legacy JSON lies beside it.
    rendered: str | None = None
    legacy: bool = False
    filtered: Filtered = UNFILTERED


@dataclass(frozen=True, slots=True)
class Rendered:
    """The mark of a page that was rendered anew from what is here: all else stays known."""

    mark: str
    filtered: Filtered = UNFILTERED


KNOWN = (
    File.path,
    Project.name,
    File.sha256,
    File.size,
    File.origin,
    File.metadata_sha256,
    File.upload_time,
)
_DATA = (
    File.sha256,
    File.size,
    File.origin,
    File.metadata_sha256,
    File.upload_time,
    File.provenance,
)
_INSERT = (File.project, File.path, *_DATA, File.listed)

# What is known of a page that is here, and of none that is not.
_OF_THE_PAGE = (
    *("serial", "etag", "last_modified", "checked_at", "status"),
    *("rendered", "legacy", "hidden", "review_at", "metadata_only"),
)

# What a project in step has in the columns of failure.
_WELL: dict[str, Any] = {
    "failure": None,
    "failure_kind": None,
    "failing_since": None,
    "tries": 0,
    "retry_at": None,
}


class IndexQueries(Connection):
    """Queries about what the projects' pages list, and what became of the pages."""

    def file(self, path: FilePath) -> KnownFile | None:
        """Return a file that a page lists, or None."""
        with self._reading():
            row = self._find(_listed_file, path)
            return KnownFile(*row) if row else None

    def hidden_file(self, path: FilePath) -> KnownFile | None:
        """Return a file that upstream lists and filters hide, or None."""
        with self._reading():
            query = File.select(*KNOWN).join(Project)
            row = next(self._rows(query.where(File.path == path, File.listed < 0)), None)
            return KnownFile(*row) if row else None

    def files(self, paths: list[FilePath]) -> Iterator[KnownFile]:
        """Yield those of the files that a page lists."""
        with self._reading():
            for part in chunks(paths):
                query = File.select(*KNOWN).join(Project)
                for row in self._rows(query.where(File.path.in_(part), File.listed == 1)):
                    yield KnownFile(*row)

    def record(self, project: model.Project, *, keep_held: bool = False) -> None:
        """Make the files known, before the page that lists them can be seen.

        The project's serial and validators stay as they were until `settle`: a run
        that is killed in between finds the project not in step, and does it again.
        With `keep_held`, what is held stays known though no page lists it any more.
        """
        status = storable(project.status)
        with self._writing():
            self._run(
                Project.insert(name=project.name, status=status).on_conflict(
                    conflict_target=[Project.name],
                    update={
                        Project.gone_at: None,
                        Project.gone_serial: None,
                        Project.status: status,
                    },
                )
            )
            number = self._number(project.name)
            self._replace_files(number, project.files, keep_held=keep_held)

    def settle(self, name: ProjectName, settled: Settled) -> None:
        """Note that the page which `record` announced is written."""
        values = {
            "serial": settled.serial,
            "etag": settled.etag,
            "last_modified": settled.last_modified,
            "checked_at": settled.now,
            "rendered": settled.rendered,
            "legacy": 1 if settled.legacy else None,
        }
        with self._writing():
            self._run(Project.update(**values, **_WELL).where(Project.name == name))

    def confirm(self, name: ProjectName, now: int) -> None:
        """Note that upstream's page has not changed."""
        with self._writing():
            self._run(Project.update(checked_at=now, **_WELL).where(Project.name == name))

    def fail(self, name: ProjectName, failure: Failure) -> None:
        """Note why a project could not be brought in step; the first time is kept."""
        with self._writing():
            self._run(Project.insert(name=name).on_conflict_ignore())
            first = fn.COALESCE(Project.failing_since, failure.since, failure.now)
            since = failure.now if failure.anew else first
            tries = Project.tries if failure.tries is None else failure.tries
            update = Project.update(
                failure=storable(failure.reason),
                failure_kind=failure.kind,
                failing_since=since,
                tries=tries + 1,
                retry_at=failure.retry_at,
            )
            self._run(update.where(Project.name == name))

    def bury(
        self, name: ProjectName, serial: int | None, now: int, *, keep_held: bool = False
    ) -> None:
        """Note that upstream has no page of a project: nothing may wish for its files.

        `serial` is what upstream's list says of it all the same, None where it does not.
        """
        with self._writing():
            self._run(Project.insert(name=name).on_conflict_ignore())
            number = self._number(name)
            self._unlist(File.project == number, keep_held=keep_held)
            empty = dict.fromkeys(_OF_THE_PAGE)
            update = Project.update(gone_at=now, gone_serial=serial, **empty, **_WELL)
            self._run(update.where(Project.id == number))

    def burials(self, name: ProjectName, serial: int | None) -> int:
        """Return how often in a row a project had no page while the list had this serial."""
        with self._reading():
            query = Project.select(Project.tries).where(Project.name == name)
            buried = ~Project.gone_at.is_null() & (Project.gone_serial == serial)
            row = next(self._rows(query.where(buried)), None)
            return int(row[0]) if row else 0

    def look_again(self, name: ProjectName, burials: int, retry_at: int) -> None:
        """Note that a tombstone is fresh, and when to see whether there is a page by then."""
        with self._writing():
            update = Project.update(tries=burials, retry_at=retry_at)
            self._run(update.where(Project.name == name, ~Project.gone_at.is_null()))

    def exhume(self, names: list[ProjectName]) -> None:
        """Forget the tombstones of projects that upstream's list does not name any more."""
        with self._writing():
            for part in chunks(names):
                self._run(Project.update(gone_serial=None).where(Project.name.in_(part)))

    def _number(self, name: ProjectName) -> int:
        return int(self._only(Project.select(Project.id).where(Project.name == name)))

    def _replace_files(
        self, number: int, files: tuple[model.File, ...], *, keep_held: bool
    ) -> None:
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
            self._unlist(File.path.in_(gone), keep_held=keep_held)

    def _unlist(self, condition: Any, *, keep_held: bool) -> None:
        held = File.id.in_(Holding.select(Holding.file))
        self._run(File.update(listed=0).where(condition, *([~held] if keep_held else [])))

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


def _listed_file(path: FilePath) -> Any:
    return File.select(*KNOWN).join(Project).where(File.path == path, File.listed == 1)


def storable(text: str | None) -> str | None:
    """Return upstream's words as every database can hold them: PostgreSQL's have no NUL."""
    return text and text.replace("\0", "\ufffd")


def file_data(file: model.File) -> tuple[Any, ...]:
    """Return what a file's row says of it, but for its project and its path."""
    companion = (file.core_metadata or {}).get("sha256")
    return (
        file.sha256,
        file.size,
        file.origin,
        companion,
        file.upload_time,
        file.provenance,
    )


def _differs(old: tuple[Any, ...], new: tuple[Any, ...]) -> bool:
    # A size that was asked of the file host stays known when the index tells none.
    sha256, size, *rest, listed = old
    return listed != LISTED or (sha256, *rest) != (new[0], *new[2:]) or new[1] not in (None, size)
