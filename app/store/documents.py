"""What is fetched beside a file when somebody asks for it."""

from app.names import Filename, FilePath, ProjectName
from app.store.connection import Connection
from app.store.tables import File, Project


class DocumentQueries(Connection):
    """Queries about the documents that pages link to."""

    def provenance(self, name: ProjectName, filename: Filename) -> str | None:
        """Return upstream's URL of a file's provenance, or None where none is announced."""
        with self._reading():
            query = File.select(File.path, File.provenance).join(Project)
            ours = (Project.name == name) & (File.listed == 1)
            tail = f"/{filename}"
            # SQLite's LIKE does not tell capitals from small letters.
            rows = self._rows(query.where(ours, File.path.endswith(tail)))
            return next((url for path, url in rows if path.endswith(tail)), None)

    def attested(self, name: ProjectName) -> set[tuple[str, str | None, str]]:
        """Return path, SHA-256 and URL of provenance of the project's files that have one."""
        with self._reading():
            query = File.select(File.path, File.sha256, File.provenance).join(Project)
            ours = (Project.name == name) & (File.listed == 1)
            return set(self._rows(query.where(ours, ~File.provenance.is_null())))

    def path_of(self, name: ProjectName, filename: str) -> FilePath | None:
        """Return the path of a project's file, or None where its page lists no such file."""
        with self._reading():
            query = File.select(File.path).join(Project)
            rows = self._rows(query.where(Project.name == name, File.listed == 1))
            return next((path for (path,) in rows if path.rpartition("/")[2] == filename), None)
