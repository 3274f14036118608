"""Which held files are to be hashed again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from peewee import Cast, fn

from app.names import FilePath
from app.store.connection import Connection
from app.store.tables import File, Holding, Tier

# Multiplied by an odd number, neighbouring file numbers lie far apart.
_SPREAD = 40503
_SHARES = 1 << 16


@dataclass(frozen=True, slots=True)
class DueFile:
    """A held file that is due: the root of its tier, and its bytes."""

    path: FilePath
    root: str
    bytes: int


class VerifyQueries(Connection):
    """Queries about when held files were hashed."""

    def due(self, now: int, every: int) -> Iterator[DueFile]:
        """Yield the held files to be hashed now, those that wait longest first.

        So that what came in one hour is not due in one hour, each file has an interval
        of its own, between half of `every` and the whole.
        """
        with self._reading():
            query = Holding.select(File.path, Tier.root, Holding.bytes)
            joined = query.join(File).switch(Holding).join(Tier)
            due = joined.where(File.listed == 1, Holding.verified_at <= now - _interval(every))
            for row in self._rows(due.order_by(Holding.verified_at, File.path)):
                yield DueFile(*row)

    def count_overdue(self, now: int, every: int, roots: Sequence[str]) -> int:
        """Return how many files on these tiers were not hashed for longer than `every`.

        Those that no page lists any more are not hashed again, but deleted.
        """
        with self._reading():
            query = Holding.select(fn.COUNT(Holding.file))
            joined = query.join(File).switch(Holding).join(Tier).where(Tier.root.in_(list(roots)))
            late = joined.where(File.listed == 1, Holding.verified_at < now - every)
            return int(self._only(late))

    def held_bytes(self) -> int:
        """Return the bytes of all held files."""
        with self._reading():
            return int(self._only(Holding.select(fn.COALESCE(fn.SUM(Holding.bytes), 0))))

    def note_verified(self, path: FilePath, root: str, now: int) -> None:
        """Note that a file was hashed, and was right."""
        with self._writing():
            file = File.select(File.id).where(File.path == path)
            tier = Tier.select(Tier.id).where(Tier.root == root)
            update = Holding.update(verified_at=now)
            self._run(update.where(Holding.file.in_(file), Holding.tier.in_(tier)))


def _interval(every: int) -> Any:
    half = every // 2
    # A file's number has four bytes, and PostgreSQL would multiply in four.
    share = (Cast(Holding.file, "BIGINT") * _SPREAD).bin_and(_SHARES - 1)
    return half + share * half / _SHARES
