"""Votes: taken in, counted, expired."""

from collections.abc import Iterator, Sequence

from peewee import SQL, Select, ValuesList, fn

from app import model
from app.names import FilePath
from app.store.connection import Connection, chunks
from app.store.tables import File, Setting, Vote, Window

_Key = tuple[int, int]

_EXPIRY_STEP = 3600
"""Votes are deleted an hour's worth at a time, so that no writer waits for long."""


class VoteQueries(Connection):
    """Queries about who wanted what, and when."""

    def add_votes(self, votes: Sequence[model.Vote], window: int) -> int:
        """Count the votes that open a window, in one transaction; return how many did.

        A window belongs to one file and network. It starts with the vote that is
        counted, lasts `window` seconds, and is not extended by those it swallows.
        A vote that comes late is held against the windows of its own time.
        Votes for files that no page lists are dropped.
        """
        with self._writing():
            return self._add(votes, window)

    def add_spooled(
        self, votes: Sequence[model.Vote], window: int, inode: int, position: int
    ) -> int:
        """Count votes of the spool, and note in the same transaction how far it is read."""
        with self._writing():
            value = str(position).encode()
            row = Setting.insert(key=f"spool:{inode}", value=value)
            self._run(row.on_conflict(conflict_target=[Setting.key], update={Setting.value: value}))
            return self._add(votes, window)

    def spool_position(self, inode: int) -> int:
        """Return how far a spool file is read, in bytes."""
        with self._reading():
            query = Setting.select(Setting.value).where(Setting.key == f"spool:{inode}")
            row = next(self._rows(query), None)
            return int(bytes(row[0])) if row else 0

    def forget_spool(self, inode: int) -> None:
        """Forget a spool file that is deleted: its number will be used again."""
        with self._writing():
            self._run(Setting.delete().where(Setting.key == f"spool:{inode}"))

    def votes(self, since: int) -> Iterator[tuple[FilePath, int]]:
        """Yield the path and time of every counted vote since a time."""
        with self._reading():
            query = Vote.select(File.path, Vote.time).join(File, on=(File.id == Vote.file))
            yield from self._rows(query.where(Vote.time >= since))

    def expire_votes(self, before: int, windows_before: int) -> int:
        """Delete votes and dedup windows that started before a time; count the votes."""
        deleted = 0
        while (oldest := self._oldest_vote()) is not None and oldest < before:
            step = min(before, oldest + _EXPIRY_STEP)
            with self._writing():
                deleted += self._run(Vote.delete().where(Vote.time < step))
        with self._writing():
            self._run(Window.delete().where(Window.time < windows_before))
        return deleted

    def count_expired(self, before: int) -> int:
        """Return how many votes `expire_votes` would delete."""
        with self._reading():
            query = Vote.select().where(Vote.time < before)
            return int(query.count(self._db))

    def _add(self, votes: Sequence[model.Vote], window: int) -> int:
        numbers = self._numbers({vote.path for vote in votes})
        ordered = sorted(
            (vote.time, numbers[vote.path], vote.network) for vote in votes if vote.path in numbers
        )
        return sum(self._count(part, window) for part in _rounds(ordered))

    def _numbers(self, paths: set[FilePath]) -> dict[FilePath, int]:
        numbers: dict[FilePath, int] = {}
        for part in chunks(sorted(paths)):
            query = File.select(File.path, File.id).where(File.path.in_(part), File.listed == 1)
            numbers.update(self._rows(query))
        return numbers

    def _count(self, rows: Sequence[tuple[int, int, int]], window: int) -> int:
        counted = 0
        for part in chunks(rows):
            fresh = self._open_windows(part, window)
            if fresh:
                fields = [Vote.time, Vote.file, Vote.network]
                self._run(Vote.insert_many(fresh, fields=fields).on_conflict_ignore())
            counted += len(fresh)
        return counted

    def _open_windows(
        self, rows: Sequence[tuple[int, int, int]], window: int
    ) -> list[tuple[int, int, int]]:
        """Open a window for each vote that has none around it; return those votes.

        Around, not before: the spool's votes come later than younger ones of the app.
        """
        votes = ValuesList(rows).cte("votes", columns=["time", "file", "network"])
        vote = votes.c
        around = Window.select(SQL("1")).where(
            Window.file == vote.file,
            Window.network == vote.network,
            Window.time > vote.time - window,
            Window.time < vote.time + window,
        )
        columns = [vote.file, vote.network, vote.time]
        alone = Select([votes], columns).where(~fn.EXISTS(around)).with_cte(votes)
        fields = [Window.file, Window.network, Window.time]
        opened = Window.insert_from(alone, fields)
        return list(self._rows(opened.returning(Window.time, Window.file, Window.network)))

    def _oldest_vote(self) -> int | None:
        with self._reading():
            query = Vote.select(Vote.time).order_by(Vote.time).limit(1)
            row = next(self._rows(query), None)
            return row[0] if row else None


def _rounds(votes: list[tuple[int, int, int]]) -> Iterator[list[tuple[int, int, int]]]:
    """Part the votes so that each round has a file and network once, in order of time.

    One statement decides about each window against the state before it; two votes of
    one window must therefore not be in one statement.
    """
    rounds: list[list[tuple[int, int, int]]] = []
    seen: dict[_Key, int] = {}
    for vote in votes:
        number = seen.get(vote[1:], 0)
        seen[vote[1:]] = number + 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(vote)
    yield from rounds
