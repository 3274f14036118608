"""Which projects' pages are not as this larder, so configured, would write them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.model import Source
from app.names import FilePath, ProjectName
from app.store.connection import Connection
from app.store.tables import File, Project

# A scan of the table, some 0.3 s for 800,000 rows: the index by name would be walked only
# to have the order, and cost a look into the table for each row. What is found is sorted.
_OUTDATED = """
SELECT name, rendered IS NOT :mark, :legacy AND legacy IS NOT 1 AND failure IS NULL FROM project
WHERE gone_at IS NULL AND checked_at IS NOT NULL
AND (rendered IS NOT :mark OR :legacy AND legacy IS NOT 1 AND failure IS NULL)
ORDER BY +name
"""


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

    def outdated(self, mark: str, *, legacy: bool) -> Iterator[Outdated]:
        """Yield by name the settled projects whose pages have another mark.

        With `legacy`, also those whose legacy JSON may be missing, unless it is known
        why: what failed is tried again when its time has come.
        """
        with self._reading():
            parameters = {"mark": mark, "legacy": legacy}
            for name, *flags in self._db.execute_sql(_OUTDATED, parameters):  # type: ignore[no-untyped-call]
                yield Outdated(name, *map(bool, flags))

    def sources(self, name: ProjectName) -> Mapping[FilePath, Source]:
        """Return what is known of a project's listed files and their page does not say."""
        with self._reading():
            query = File.select(File.path, File.sha256, File.origin, File.provenance).join(Project)
            rows = self._rows(query.where(Project.name == name, File.listed == 1))
            return {path: Source(*row) for path, *row in rows}

    def note_rendered(self, name: ProjectName, mark: str) -> None:
        """Note that the pages are as they would be rendered now."""
        with self._writing():
            self._run(Project.update(rendered=mark).where(Project.name == name))

    def note_legacy(self, name: ProjectName) -> None:
        """Note that the page's legacy JSON is here, or that upstream has none."""
        with self._writing():
            self._run(Project.update(legacy=1).where(Project.name == name))
