"""The files that are kept though nobody voted for them: with `packages.keep: all`, millions."""

from collections.abc import Iterator

from peewee import JOIN

from app.names import FilePath
from app.store.connection import Connection
from app.store.popularity import holdable
from app.store.tables import File, Holding


class RestQueries(Connection):
    """Queries that go through all files."""

    def unheld(self, filesize_limit: int) -> Iterator[tuple[int, FilePath, int, bool]]:
        """Yield every file that may be held and is not, by number: those listed first come first.

        With its path come its size and whether the index announces core metadata for it.
        """
        with self._reading():
            announced = ~File.metadata_sha256.is_null()
            query = File.select(File.id, File.path, File.size, announced)
            joined = query.join(Holding, JOIN.LEFT_OUTER, on=(Holding.file == File.id))
            rows = joined.where(
                *holdable(), Holding.file.is_null(), File.size <= filesize_limit
            ).order_by(File.id)
            for file, path, size, flag in self._stream(rows):
                yield file, FilePath(path), size, bool(flag)
