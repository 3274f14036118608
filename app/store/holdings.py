"""What is here, on which tier, and what should be."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from peewee import SQL, fn

from app.names import FilePath
from app.store.connection import Connection, chunks
from app.store.errors import UnlistedError
from app.store.index import KNOWN, KnownFile
from app.store.tables import HIDDEN, WITHDRAWN, File, Heat, Holding, Pin, Project, Tier, Wish


@dataclass(frozen=True, slots=True)
class Held:
    """A file that is here: the root of its tier, its bytes, whether a page lists it."""

    path: FilePath
    root: str
    bytes: int
    listed: bool
    # Whether the index announces core metadata for it, a file of its own beside.
    announced: bool = False


class HoldingQueries(Connection):
    """Queries about the holdings and the wish."""

    def holdings(self) -> Iterator[Held]:
        """Yield everything that is held, by path."""
        with self._reading():
            announced = ~File.metadata_sha256.is_null()
            query = Holding.select(File.path, Tier.root, Holding.bytes, File.listed == 1, announced)
            joined = query.join(File).switch(Holding).join(Tier).order_by(File.path)
            for path, root, size, *flags in self._stream(joined):
                yield Held(path, root, size, *map(bool, flags))

    def held_in(self, path: FilePath) -> str | None:
        """Return the root of the tier that holds a file, or None."""
        with self._reading():
            row = self._find(_root_of, path)
            return row[0] if row else None

    def hold(self, path: FilePath, root: str, size: int, verified_at: int | None = None) -> None:
        """Note that a tier holds a file now, and no other tier does.

        `verified_at` is when its bytes were hashed, if they just were.

        Raises:
            UnlistedError: No page lists the file any more.

        """
        with self._writing():
            listed = File.select(File.id).where(File.path == path, File.listed == 1)
            row = next(self._rows(listed), None)
            if row is None:
                raise UnlistedError(f"no page lists {path} any more")
            file = row[0]
            self._run(Tier.insert(root=root).on_conflict_ignore())
            tier = self._only(Tier.select(Tier.id).where(Tier.root == root))
            self._count_out([file])
            self._count(tier, 1, size)
            update = {Holding.tier: tier, Holding.bytes: size}
            if verified_at is not None:
                update[Holding.verified_at] = verified_at
            new = Holding.insert(file=file, tier=tier, bytes=size, verified_at=verified_at or 0)
            self._run(new.on_conflict(conflict_target=[Holding.file], update=update))

    def tier_roots(self) -> list[str]:
        """Return the folders of all tiers that hold something."""
        with self._reading():
            return [root for (root,) in self._rows(Tier.select(Tier.root).where(_in_use()))]

    def release(self, paths: Iterable[FilePath]) -> None:
        """Note that no tier holds these files any more."""
        with self._writing():
            for part in chunks(list(paths)):
                query = File.select(File.id).where(File.path.in_(part))
                files = [file for (file,) in self._rows(query)]
                self._count_out(files)
                self._run(Holding.delete().where(Holding.file.in_(files)))
                gone = File.update(listed=HIDDEN).where(File.listed == WITHDRAWN)
                self._run(gone.where(File.path.in_(part)))

    def held_by_tier(self) -> dict[str, tuple[int, int]]:
        """Return how many files each tier holds, and their bytes, by its folder."""
        with self._reading():
            query = Tier.select(Tier.root, Tier.held_files, Tier.held_bytes)
            return {root: (files, size) for root, files, size in self._rows(query)}

    def wish(self) -> dict[FilePath, tuple[int, float]]:
        """Return what should be here: path to tier rank and score."""
        with self._reading():
            query = Wish.select(File.path, Wish.rank, Wish.score).join(File)
            rows = self._rows(query.where(File.listed == 1))
            return {path: (rank, score) for path, rank, score in rows}

    def replace_wish(self, wish: Sequence[tuple[int, int, float]]) -> None:
        """Put a new wish in place of the old one, in one transaction.

        Each file is its number, the rank of its tier, and its score.
        """
        with self._writing():
            self._run(Wish.delete())
            # There may be a million: peewee would take a quarter of a minute, in which
            # nobody else could write.
            self._engine.insert_many(self._statements.wish, sorted(wish))

    def paths(self, files: Sequence[int]) -> Iterator[tuple[int, FilePath]]:
        """Yield the paths of files, each after its number."""
        with self._reading():
            for part in chunks(files):
                yield from self._rows(File.select(File.id, File.path).where(File.id.in_(part)))

    def unsized(self, votes: int, asked_before: int) -> Iterator[KnownFile]:
        """Yield the files with so many votes whose size nobody told, not asked since a time.

        So are those that took over another's votes.
        """
        with self._reading():
            wanted = (Heat.ever >= votes) | (Heat.inherited == 1)
            query = File.select(*KNOWN).join(Project).switch(File)
            joined = query.join(Heat, on=(Heat.file == File.id))
            rows = joined.where(wanted, *_unsized(asked_before))
            for row in self._stream(rows.order_by(File.path)):
                yield KnownFile(*row)

    def unsized_unvoted(self, asked_before: int, *, everything: bool) -> Iterator[KnownFile]:
        """Yield the pinned files, or all, whose size nobody told, not asked since a time."""
        with self._reading():
            query = File.select(*KNOWN).join(Project).where(*_unsized(asked_before))
            if not everything:
                query = query.where(File.id.in_(Pin.select(Pin.file)))
            for row in self._stream(query.order_by(File.path)):
                yield KnownFile(*row)

    def set_size(self, path: FilePath, size: int | None, now: int) -> None:
        """Note the size that the file host gave, or that it gave none."""
        with self._writing():
            self._run(File.update(size=size, sized_at=now).where(File.path == path))

    def withdrawn(self) -> list[Held]:
        """Return what is held though no page lists it any more, by path."""
        with self._reading():
            rows = self._sql(self._statements.withdrawn)
            return [Held(path, root, size, listed=False) for path, root, size in rows]

    def _count_out(self, files: Sequence[int]) -> None:
        """Take files out of the counts of the tiers that hold them."""
        query = Holding.select(Holding.tier, fn.COUNT(1), fn.SUM(Holding.bytes))
        held = query.where(Holding.file.in_(files)).group_by(Holding.tier)
        for tier, count, size in list(self._rows(held)):
            self._count(tier, -count, -int(size))

    def _count(self, tier: int, files: int, size: int) -> None:
        update = {Tier.held_files: Tier.held_files + files, Tier.held_bytes: Tier.held_bytes + size}
        self._run(Tier.update(update).where(Tier.id == tier))

    def unlisted(self) -> Iterator[FilePath]:
        """Yield the files that no page lists any more, as long as they are known.

        Of those that filters hide, only what is still held: there may be millions.
        """
        with self._reading():
            # Literals, for `file_unlisted` and `file_hidden`.
            for listed in ("0", "-2"):
                for (path,) in self._rows(File.select(File.path).where(File.listed == SQL(listed))):
                    yield path

    def unlisted_of(self, paths: list[FilePath]) -> Iterator[FilePath]:
        """Yield those of the files that are known, and that no page lists any more."""
        with self._reading():
            for part in chunks(paths):
                query = File.select(File.path).where(File.path.in_(part), File.listed != 1)
                for (path,) in self._rows(query):
                    yield path

    def forgettable(self) -> tuple[int, int]:
        """Return how many unlisted files and gone projects `forget_gone` would delete."""
        with self._reading():
            files = self._only(File.select(fn.COUNT(File.id)).where(File.id.in_(_gone_files())))
            projects = Project.select(fn.COUNT(Project.id)).where(_gone_projects())
            return int(files), int(self._only(projects))

    def forget_gone(self) -> int:
        """Delete the rows of files that no page lists and no tier holds; count them."""
        with self._writing():
            gone = int(self._run(File.delete().where(File.id.in_(_gone_files()))))
            self._run(Project.delete().where(_gone_projects()))
            return gone


def _root_of(path: FilePath) -> Any:
    return Tier.select(Tier.root).join(Holding).join(File).where(File.path == path)


def _unsized(asked_before: int) -> tuple[Any, ...]:
    """Match listed files whose size nobody told, and that were not asked about since a time."""
    due = File.sized_at.is_null() | (File.sized_at < asked_before)
    return File.size.is_null(), due, File.listed == 1


def _in_use() -> Any:
    """Match tiers that hold something."""
    return fn.EXISTS(Holding.select(Holding.file).where(Holding.tier == Tier.id))


def _gone_projects() -> object:
    """Match projects that are gone, and of which no file is held or known to be kept.

    Tombstones are none of them: those stand for what upstream lists.
    """
    held = fn.EXISTS(Holding.select(Holding.file).where(Holding.file == File.id))
    kept = File.select(File.id).where(File.project == Project.id, (File.listed != SQL("0")) | held)
    gone = ~Project.gone_at.is_null() & Project.gone_serial.is_null()
    return gone & ~fn.EXISTS(kept)


def _gone_files() -> object:
    held = Holding.select(Holding.file)
    # A literal, for `file_unlisted`.
    return File.select(File.id).where(File.listed == SQL("0"), File.id.not_in(held))
