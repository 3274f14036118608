"""Which projects' pages are not as this larder, so configured, would write them."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from peewee import fn

from app.model import Source
from app.names import FilePath, ProjectName
from app.store.connection import Connection, chunks
from app.store.index import UNFILTERED, Filtered
from app.store.tables import WITHDRAWN, File, Project

_HERE, _LACKED = 1, 2
# Without files there is mostly none to be had.
_LACKING = (
    Project.legacy == _LACKED,
    Project.gone_at.is_null(),
    fn.EXISTS(File.select(File.id).where(File.project == Project.id, File.listed == 1)),
)


@dataclass(frozen=True, slots=True)
class Outdated:
    """A project that is in step, and what its pages are not as they should be in."""

    name: ProjectName
    # Whether they were rendered in another way.
    rendered: bool
    # Whether the legacy JSON may be missing.
    legacy: bool


class RenderingQueries(Connection):
    """Queries about how pages were rendered, and what they were rendered from."""

    def outdated(self, mark: str, now: int = 0, *, legacy: bool) -> Iterator[Outdated]:
        """Yield by name the settled projects whose pages have another mark, or are to be reviewed.

        With `legacy`, also those whose legacy JSON may be missing, unless it is known
        why: what failed is tried again when its time has come.
        """
        with self._reading():
            for name, *flags in self._engine.stream(self._statements.outdated, (mark, now, legacy)):
                yield Outdated(name, *map(bool, flags))

    def sources(self, name: ProjectName) -> Mapping[FilePath, Source]:
        """Return what is known of the files that upstream lists and their page does not say."""
        with self._reading():
            query = File.select(File.path, File.sha256, File.origin, File.provenance).join(Project)
            rows = self._rows(query.where(Project.name == name, File.listed != 0))
            return {path: Source(*row) for path, *row in rows}

    def listed_paths(self, name: ProjectName) -> set[FilePath]:
        """Return the files that a project's page lists."""
        with self._reading():
            query = File.select(File.path).join(Project)
            rows = self._rows(query.where(Project.name == name, File.listed == 1))
            return {path for (path,) in rows}

    def note_rendered(self, name: ProjectName, mark: str, filtered: Filtered = UNFILTERED) -> None:
        """Note that the pages are as they would be rendered now."""
        values = {
            "rendered": mark,
            "hidden": filtered.hidden,
            "review_at": filtered.review_at,
            "metadata_only": 1 if filtered.metadata_only else None,
        }
        with self._writing():
            self._run(Project.update(**values).where(Project.name == name))

    def hashed(self, digests: Collection[str]) -> list[tuple[FilePath, ProjectName]]:
        """Return the files that have one of the SHA-256 digests, by path; goes through all."""
        with self._reading():
            found: list[tuple[FilePath, ProjectName]] = []
            for part in chunks(sorted(digests)):
                query = File.select(File.path, Project.name).join(Project)
                found += self._rows(query.where(File.sha256.in_(part)))
            return sorted(found)

    def conceal(self, paths: Collection[FilePath]) -> None:
        """Note that filters hide files: they are neither listed nor to be held."""
        with self._writing():
            for part in chunks(sorted(paths)):
                hidden = File.update(listed=WITHDRAWN).where(File.path.in_(part), File.listed == 1)
                self._run(hidden)

    def note_legacy(self, name: ProjectName, *, here: bool) -> None:
        """Note that the page's legacy JSON is here, or that upstream had none."""
        with self._writing():
            legacy = _HERE if here else _LACKED
            self._run(Project.update(legacy=legacy).where(Project.name == name))

    def lacked_legacy(self, name: ProjectName) -> bool:
        """Whether upstream had no legacy JSON of a project when it was asked last."""
        with self._reading():
            query = Project.select(Project.legacy).where(Project.name == name)
            return (_LACKED,) in self._rows(query)

    def lacking_legacy(self, count: int) -> list[ProjectName]:
        """Return some projects with files of which upstream had no legacy JSON, by chance."""
        with self._reading():
            query = Project.select(Project.name).where(*_LACKING)
            return [name for (name,) in self._rows(query.order_by(fn.RANDOM()).limit(count))]

    def expect_legacy(self) -> None:
        """Note that upstream may have by now what it lacked: the legacy JSON of all with files."""
        with self._writing():
            self._run(Project.update(legacy=None).where(*_LACKING))
