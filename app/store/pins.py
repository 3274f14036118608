"""The files that somebody wants here whatever their votes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from peewee import EXCLUDED

from app.names import FilePath
from app.store.connection import Connection, chunks
from app.store.index import storable
from app.store.tables import File, Pin


@dataclass(frozen=True, slots=True)
class Pinned:
    """A pinned file: why, and since when."""

    path: FilePath
    reason: str
    time: int


class PinQueries(Connection):
    """Queries about pins."""

    def pin(self, paths: Iterable[FilePath], reason: str, now: int) -> list[FilePath]:
        """Pin files; return those that no page lists, which cannot be pinned.

        One that is pinned already keeps its time, and has the new reason.
        """
        wanted = list(dict.fromkeys(paths))
        numbers: dict[FilePath, int] = {}
        with self._writing():
            for part in chunks(wanted):
                query = File.select(File.path, File.id).where(File.path.in_(part), File.listed == 1)
                known = dict(self._rows(query))
                numbers |= known
                rows = [(file, storable(reason), now) for file in sorted(known.values())]
                if rows:
                    new = Pin.insert_many(rows, fields=[Pin.file, Pin.reason, Pin.time])
                    update = {Pin.reason: EXCLUDED.reason}
                    self._run(new.on_conflict(conflict_target=[Pin.file], update=update))
        return [path for path in wanted if path not in numbers]

    def unpin(self, paths: Iterable[FilePath]) -> int:
        """Take the pins off files; return how many had one."""
        count = 0
        with self._writing():
            for part in chunks(list(paths)):
                files = File.select(File.id).where(File.path.in_(part))
                count += int(self._run(Pin.delete().where(Pin.file.in_(files))))
        return count

    def is_pinned(self, path: FilePath) -> bool:
        """Whether a file is pinned."""
        with self._reading():
            query = Pin.select(Pin.file).join(File).where(File.path == path)
            return next(self._rows(query), None) is not None

    def pins(self) -> Iterator[Pinned]:
        """Yield the pinned files that a page lists, by path.

        One that filters hide or upstream deleted keeps its pin for when it is back, as long
        as it is known.
        """
        with self._reading():
            query = Pin.select(File.path, Pin.reason, Pin.time).join(File)
            for row in self._stream(query.where(File.listed == 1).order_by(File.path)):
                yield Pinned(*row)
