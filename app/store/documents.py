"""What is fetched beside a file when somebody asks for it."""

from app.names import Filename, ProjectName
from app.store.connection import Connection
from app.store.tables import File, Project


class DocumentQueries(Connection):
    """Queries about the documents that pages link to."""

    def provenance(self, name: ProjectName, filename: Filename) -> str | None:
        """Return upstream's URL of a file's provenance, or None where none is announced."""
        with self._reading():
            query = File.select(File.provenance).join(Project)
            ours = (Project.name == name) & (File.listed == 1)
            row = next(self._rows(query.where(ours, File.path.endswith(f"/{filename}"))), None)
            return row[0] if row else None
