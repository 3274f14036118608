"""The projects that are kept in step, and how far each is."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple

from peewee import fn

from app.names import ProjectName
from app.planning import ProjectState
from app.store.connection import Connection, chunks
from app.store.tables import Project


class IndexCounts(NamedTuple):
    """How many projects there are, and their highest serial."""

    tracked: int
    # Those that the last try did not bring in step.
    failing: int
    # Those that have been failing for long.
    stuck: int
    serial: int | None


@dataclass(frozen=True, slots=True)
class TrackedProject:
    """A project that is kept in step, and how far it is."""

    name: ProjectName
    serial: int | None
    etag: str | None
    last_modified: str | None
    # None until its first page is written.
    checked_at: int | None
    # The serial at which upstream listed it, and had no page for it.
    gone_serial: int | None = None
    gone_at: int | None = None
    status: str | None = None
    failure: str | None = None
    failure_kind: str | None = None
    failing_since: int | None = None
    tries: int = 0
    retry_at: int | None = None
    # The mark of how its pages were rendered; None where that is not known.
    rendered: str | None = None
    # Which filter hides it, and why; when to look at it again.
    hidden: str | None = None
    review_at: int | None = None

    @property
    def gone(self) -> bool:
        """Whether upstream has it no more."""
        return self.gone_at is not None


# Products of two such numbers, a million of them, fit into 64 bits.
_BITS = 0xFFFF

_TRACKED = (
    Project.name,
    Project.serial,
    Project.etag,
    Project.last_modified,
    Project.checked_at,
    Project.gone_serial,
    Project.gone_at,
    Project.status,
    Project.failure,
    Project.failure_kind,
    Project.failing_since,
    Project.tries,
    Project.retry_at,
    Project.rendered,
    Project.hidden,
    Project.review_at,
)


_FOLDER = 1
"""What `_STATES` has for a project whose folder is here; 2 is for one that filters hide."""

# A row for each field of `ProjectState`. In plain SQL: peewee needs longer for a row than
# the database. `folder` is the connection's own table (`Engine.noted`),
# `busy` is `planning.BUSY`.
_STATES = """
SELECT name, serial, checked_at,
    CASE WHEN hidden IS NOT NULL THEN 2
        WHEN EXISTS (SELECT 1 FROM folder WHERE folder.name = project.name) THEN 1 ELSE 0 END,
    gone_serial, gone_at IS NOT NULL, retry_at,
    failure_kind IS NOT NULL AND failure_kind = 'busy'
FROM project WHERE gone_at IS NULL OR gone_serial IS NOT NULL ORDER BY name
"""
_STRAYS = """
SELECT name FROM folder WHERE NOT EXISTS (
    SELECT 1 FROM project WHERE project.name = folder.name
    AND (gone_at IS NULL OR gone_serial IS NOT NULL)
) ORDER BY name
"""
_LISTED = """
SELECT name, serial FROM project WHERE gone_at IS NULL AND checked_at IS NOT NULL AND hidden IS NULL
ORDER BY name
"""


class ProjectQueries(Connection):
    """Queries about the projects themselves; there may be a million."""

    def states(self, folders: Iterable[ProjectName]) -> Iterator[ProjectState]:
        """Yield the tracked projects and the tombstones, then folders that nothing is known of.

        `folders` are those with pages. They are compared here and not in memory, where a
        million names would be as large as upstream's list.
        """
        with self._reading(), self._engine.noted(folders) as count:
            found = 0
            for row in self._engine.stream(_STATES):
                state = ProjectState._make(row)
                found += state.page == _FOLDER
                yield state
            if count > found:
                for (name,) in self._engine.stream(_STRAYS):
                    yield ProjectState(name, None, None)

    def listed(self) -> Iterator[tuple[ProjectName, int | None]]:
        """Yield name and serial of every project that has a page, by name."""
        with self._reading():
            yield from self._engine.stream(_LISTED)

    def tracked_among(self, names: Collection[ProjectName]) -> set[ProjectName]:
        """Return those of the names whose projects are kept in step."""
        with self._reading():
            found = set()
            for part in chunks(list(names)):
                query = Project.select(Project.name).where(Project.name.in_(part))
                found |= {name for (name,) in self._rows(query.where(Project.gone_at.is_null()))}
            return found

    def tracked(self) -> Iterator[TrackedProject]:
        """Yield all that is known of every project that is kept in step."""
        return self._projects(Project.gone_at.is_null())

    def failing(self) -> Iterator[TrackedProject]:
        """Yield the tracked projects that could not be brought in step, by name."""
        failing = self._projects(Project.gone_at.is_null(), ~Project.failure.is_null())
        # Sorted here: SQLite would go through all rows in the order of names to find a few.
        return iter(sorted(failing, key=attrgetter("name")))

    def fresh_tombstones(self) -> Iterator[ProjectState]:
        """Yield the tombstones that are to be looked at again."""
        with self._reading():
            fresh = ~Project.retry_at.is_null(), ~Project.gone_serial.is_null()
            columns = Project.name, Project.gone_serial, Project.retry_at
            query = Project.select(*columns).where(~Project.gone_at.is_null(), *fresh)
            for name, serial, retry in self._rows(query):
                yield ProjectState(name, None, None, False, serial, True, retry)  # noqa: FBT003

    def count_tracked(self) -> int:
        """Return how many projects are kept in step."""
        with self._reading():
            query = Project.select(fn.COUNT(Project.id)).where(Project.gone_at.is_null())
            return int(self._only(query))

    def count_index(self, stuck_since: int) -> IndexCounts:
        """Count the projects, and those that have been failing since before a time: one scan."""
        with self._reading():
            return IndexCounts._make(
                self._sql(self._statements.count_index, stuck_since).fetchone()
            )

    def count_hidden(self) -> int:
        """Return how many projects filters hide."""
        with self._reading():
            query = Project.select(fn.COUNT(Project.id)).where(Project.gone_at.is_null())
            return int(self._only(query.where(~Project.hidden.is_null())))

    def last_serial(self) -> int | None:
        """Return the highest serial of the pages that are here."""
        with self._reading():
            query = Project.select(fn.MAX(Project.serial)).where(Project.gone_at.is_null())
            serial: int | None = self._only(query.where(Project.hidden.is_null()))
            return serial

    def index_mark(self) -> str:
        """Return what tells one list of names and serials from another, by one quick scan.

        Names never change, so numbers stand for them. The products tell apart what the
        sums alone would not: two projects whose serials moved by as much.
        """
        with self._reading():
            serial = fn.COALESCE(Project.serial, 0)
            products = Project.id.bin_and(_BITS) * Project.serial.bin_and(_BITS)
            query = Project.select(
                fn.COUNT(Project.serial), fn.SUM(Project.id), fn.SUM(serial), fn.SUM(products)
            )
            shown = query.where(Project.gone_at.is_null(), Project.hidden.is_null())
            here = shown.where(~Project.checked_at.is_null())
            return " ".join(str(number or 0) for number in next(self._rows(here)))

    def count_stuck(self, since: int) -> int:
        """Return how many projects have been failing since before a time."""
        with self._reading():
            stuck = Project.failing_since < since
            query = Project.select(fn.COUNT(Project.id)).where(stuck, Project.gone_at.is_null())
            return int(self._only(query))

    def tracked_project(self, name: ProjectName) -> TrackedProject | None:
        """Return one project that is kept in step, or None."""
        return next(self._projects(Project.name == name, Project.gone_at.is_null()), None)

    def _projects(self, *conditions: Any) -> Iterator[TrackedProject]:
        with self._reading():
            query = Project.select(*_TRACKED).where(*conditions)
            for row in self._stream(query):
                yield TrackedProject(*row)
